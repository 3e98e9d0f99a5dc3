"""Step 8, receipts: what carriers report of segments becomes one final status of the message.

receipt_text  the text of an SMPP receipt, in whatever form it comes
verdict       the table: which state a message has whose segments have these
roll_up       one record more about a message: what is known now, and who is told
matching      which segment a carrier means that reports by an id of its own
memory        what is known, on disk
"""
