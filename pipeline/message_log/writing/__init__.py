"""From records to rows of the message log, many at once.

decoding     records, as far as the log is about them
shapes       of those of our agents: what is read
submissions  those of submissions that are well-formed at a glance
batch        many records, brought together by message
upserts      the statements that write a batch, in both dialects
writer       a batch and the offsets behind it in one transaction; drops days that are over, forgets unwanted texts
"""
