"""What is done with trunks.

trunks         listing, creating, changing, deleting
trunk_secrets  passwords and signing secrets: shown and replaced on demand
callbacks      endpoints: how attempts went, which wants no more, and enabling it again
"""
