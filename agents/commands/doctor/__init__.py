"""`smsout doctor`: what is stuck, and why.

command   the command: it looks at everything
samples   whom unfinished work is for
parked    what is parked, and for whom
findings  what was found, in words

Nothing here changes anything.
"""
