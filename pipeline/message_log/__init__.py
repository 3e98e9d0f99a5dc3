"""The message log: a read model in a database of what the topics say about messages, made anew from them at any time.

tables        the tables: those of a day, and where in the topics they end
database      SQLite or PostgreSQL: connections to write and to read, and their migrations
migrations    how databases of earlier versions become this one
decoding      records, as far as the log is about them
submissions   those that are well-formed at a glance
batch         many records, brought together by message
upserts       the statements that write a batch, in both dialects
writer        a batch and the offsets behind it in one transaction; drops days that are over, forgets unwanted texts
search        what is looked for, and a page of what was found
message       one message as it is read: its state in words and its history
look_up       one message with its history
statistics    what became of messages, in numbers: over time, by code, by latency, by trunk
percentile    of values that were counted
callback_log  attempts to notify, a trunk's or those of several, and how they went
whereabouts   where a message is and why it is not further, in words

The topics are the truth. Each row is a function of its records alone, not of the order in which topics were read, so
a database that was dropped comes out the same, row for row. A message is its id and its trunk: a producer may have
given its message the id of another trunk's.
"""
