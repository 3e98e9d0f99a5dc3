"""A message, from its submission to its callbacks: what is asked for, what is sent, what became of it.

labels          what a customer calls a message: a reference and tags
timing          when a message is to be sent, and how long it may take
destination     one number of a submission, and what its message has of its own
examples        submissions as a producer may write them
submission      what a customer or a producer asks for: one text to 1..1000 destinations
cancel_request  a customer's wish that a message, or all of a bulk, be not sent
mt_message      one message to one destination, encoded, cut into segments and routed; and one that waits for a retry
dlr             a carrier's delivery receipt for one segment
status          what became of a message, and the contract's code_id table
callback        one notification that waits in a retry tier for its next attempt

What an agent keeps of messages for itself lies in schemas/state.
"""
