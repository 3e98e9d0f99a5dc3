"""What every area does with entries of the directory; nothing here is about one kind of entry.

access       which entries an actor sees, and which account is meant
changes      writing: one change at a time, on the version that was read, with its audit events
audit_trail  audit events: made, recorded, read again
differences  what changed between two states of an entry, without secrets
paging       a list cut into pages, in the order that was asked for
"""
