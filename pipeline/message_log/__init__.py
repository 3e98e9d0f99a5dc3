"""The message log: a read model in a database of what the topics say about messages, made anew from them at any time.

tables      the tables: those of a day, and where in the topics they end
database    SQLite or PostgreSQL: connections to write and to read, and their migrations
migrations  how databases of earlier versions become this one
writing/    from records to rows
reading/    from rows to what a person asks

The topics are the truth. Each row is a function of its records alone, not of the order in which topics were read, so
a database that was dropped comes out the same, row for row. A message is its id and its trunk: a producer may have
given its message the id of another trunk's.
"""
