"""What posting to a carrier and to a customer's endpoint have in common. Pure, but for waiting on the event loop.

breaker         when to leave a peer alone
pace            how much a peer is asked at once
slots           how many may be at work at once, with two classes of waiting callers
throughput      how much a peer takes, and so how much may wait for it
lanes           work in parallel, in order per key
retry_schedule  when a notification is tried again
retry_after     how long a peer wants to be left alone

What is only about carriers, or only about endpoints, does not belong here.
"""
