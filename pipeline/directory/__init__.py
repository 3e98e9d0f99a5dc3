"""Configuration: what it is in memory, what is allowed, and how it is written down. No broker: that is kafka/directory.

model        the directory in memory, with an index for each question
route_index  routes by what they are for
values       what one entry's values must look like
rules        what a set of changes must keep to
carrier_rules  the same for carriers and their profiles
credentials  trunk passwords and signing secrets: made, checked, sealed
carrier_secrets  carriers' secrets: sealed, opened
key_file     the files with the keys that seal
file         the directory as a YAML file
"""
