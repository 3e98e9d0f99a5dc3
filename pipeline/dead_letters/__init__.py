"""What could not be processed. Pure: the topics are read and written elsewhere.

letter  a record becomes a dead letter with its bytes as they were
book    what became of dead letters
brake   too many in a row stop an agent
"""
