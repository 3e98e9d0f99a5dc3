"""From rows of the message log to what a person asks about messages. Nothing here writes.

message        one message as it is read: where it is, in words, and what it came to
history        what happened to it, event by event
look_up        one message with its history
search         what is looked for, and a page of what was found
cancellations  what was asked to be cancelled, by the messages that are meant
callback_log   attempts to notify, a trunk's or those of several, and how they went
scheduled      what waits for its time, what is sent next first
statistics     what became of messages, in numbers: over time, by code, by latency, by trunk
percentile     of values that were counted
whereabouts    where a message is and why it is not further, in words
"""
