"""What the message log knows: look-up and search of messages, attempts to notify, and sending notifications again.

message_search  messages of an account: a page, one with its history, all of them for an export
notifications   a trunk's attempts to notify, how they went, and the same again
"""
