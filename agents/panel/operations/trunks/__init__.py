"""What is done with trunks.

trunks             listing, creating, changing, deleting
trunk_secrets      passwords and signing secrets: shown and replaced on demand
countries          those that a new trunk does not send to
callback_settings  how a trunk wants to be told
callbacks          endpoints: how attempts went, which wants no more, and enabling it again
"""
