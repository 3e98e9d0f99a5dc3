"""What the message log knows: numbers, look-up and search of messages, attempts to notify and notifying again.

questions       what is needed of it
overview        how messages fare, in numbers, and what an account has of what it needs to send
scheduled       what waits for its time, and taking it back
message_search  messages of an account: a page, one with its history, all of them for an export
notifications   a trunk's attempts to notify, how they went, and the same again
"""
