"""What posting to a carrier and to a customer's endpoint have in common: who is posted to next, and what waits.

peers/          how one peer is: its breaker, its pace, its limits
flows           what one sender has waiting in memory for a peer: in order per lane
gathering       what is posted together, and how long it waits for more
places          how many POSTs may be open, and how many of them one account may hold
fair_queue      whose turn it is
dispatcher      turns: an item at work, with leave to post
row             one thing that waits, as it lies on disk
waiting_table   the table of these
backlog         what waits on disk, and who of it comes next
elsewhere       who takes what waits for a peer that is away for long
probing         how it is found out that a peer is back
intake          what waits where, and when it is released
retry_schedule  after how long an attempt is followed by another
retry_after     how long a peer wants to be left alone

Nothing here knows Kafka or HTTP. What is only about carriers, or only about endpoints, does not belong here.
"""
