"""What a set of changes of the directory must keep to, whoever makes it. A problem is a place and words for people.

check       all rules, over a set as a whole
changes     what is changed: entries that are written, and entries that go
after       the directory as it would be
readable    what every entry must be
entries     what one entry must keep to, and those that it refers to
trunks      the same for a trunk
callbacks   for what a trunk wishes for its callbacks
campaigns   for campaigns
carriers    for carriers and their profiles
attributes  what several kinds have in common
unique      what no two entries may have alike
references  what others refer to, and so may not go

What a value must look like by itself is in pipeline/directory/values.py.
"""
