"""How much a trunk or an account may send, and who counts it. Limits of carriers are in `posting`.

living    which processes share a limit
requests  requests per second, at the door
counts    how much of their days trunks and accounts have used up
use       how much of a limit is used up
meter     whether a day has room for a message, the same at every replay
recent    how often something has been within the last minutes
guards    what stops messages by number, range and text
screens   what has lately gone out of trunks and accounts with guards, and what was stopped
screener  whether a message is one too many for its number, its range or its text, the same at every replay
check     both for the messages of one submission
beyond    why a message does not go out
"""
