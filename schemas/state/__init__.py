"""What an agent keeps in a topic of its own, to know it again when it has died.

journal     delivery's marks: about to send, and what came of it
roll_up     what receipts knows of messages whose receipts are not all in
deferred    what the scheduler knows: messages that wait for their time, and what was cancelled
day_count   how much of a trunk's day is used up
screening   what of a trunk's messages went out to which numbers, and what was stopped
announced   that a process of ingress lives
remembered  what the panel remembers of those who use it
"""
