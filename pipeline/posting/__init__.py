"""What posting to a carrier and to a customer's endpoint have in common: who is posted to next, and what waits.

breaker         when to leave a peer alone
limit           how many segments a second, over all processes together
pace            how many POSTs a peer has open at once
peer            how one peer is: its breaker, its pace, whether it is slow
peers           those that there are
flows           what waits in memory for a peer: by sender, in order per lane; and an item at work
places          how many POSTs may be open, and how many of them one account may hold
dispatcher      whose turn it is
backlog         what waits on disk
elsewhere       who takes what waits for a peer that is away for long
intake          what waits where, and when it is released
retry_schedule  after how long an attempt is followed by another
retry_after     how long a peer wants to be left alone

Nothing here knows Kafka or HTTP. What is only about carriers, or only about endpoints, does not belong here.
"""
