"""Configuration: what it is in memory, what is allowed, and how it is written down. No broker: that is kafka/directory.

model        the directory in memory, with an index for each question
route_index  routes by what they are for
values       what one entry's values must look like
rules/       what a set of changes must keep to
credentials  trunk passwords and signing secrets: made, checked, sealed
sealing      secrets of others: sealed, opened, bound to whose they are
carrier_secrets  those of carriers
callback_secrets  those of trunks' callbacks
key_file     the files with the keys that seal
file/        the directory as a YAML file
"""
