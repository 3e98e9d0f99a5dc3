"""A carrier's ways as data: how its request is written, and how what it says is read. docs/carriers.md.

settings   a carrier's parameters and secrets, held against its profile
signature  a request becomes a signed one
request    a message becomes a request
profile    a profile, read and checked
sample     settings to try a profile with
shipped    those that come with the product
bound      a profile with a carrier's parameters and secrets: what delivery works with
book       which profile a carrier has
"""
