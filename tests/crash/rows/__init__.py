"""The rows of the crash matrix, each from a system that is well to the oracle's verdict.

lives      how a row's agents are run, and what several rows do
door       rows 1 to 5: between a request and what delivery reads
posting    rows 6 to 11, 24, 25: around a POST, its outcome and the handing on to a retry tier
group      rows 13, 14 and 16: partitions move, the broker dies, everybody is told to stop
receipts   rows 19 to 22: between a carrier's receipt and the status that ends a message
scheduled  row 23: between the time of a message and what delivery reads
stopping   SIGSTOP for longer than a session lasts, then SIGCONT

A row takes the variants of agents with which it is to be run: with none it must hold, with a protection taken away
the oracle must complain (test_sabotage.py).
"""
