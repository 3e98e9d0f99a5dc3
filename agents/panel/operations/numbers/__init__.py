"""Numbers that an account lists: those it sends from, and those it sends nothing to.

numbers      DIDs
opt_outs     numbers to which nothing is sent
numbers_csv  the file that both are imported from
"""
