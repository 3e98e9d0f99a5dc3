"""One module a version, named for its revision.

v0001_offsets_and_days     the tables that are there once
v0002_references_and_tags  columns and indexes of days: what customers call their messages
v0003_changed_texts        columns of days: what has become of a text before it was sent
v0004_callback_urls        a column of days: where callbacks go of messages that have a URL of their own
v0005_campaigns            a column and an index of days: which campaign a message belongs to
v0006_scheduled            columns, indexes and a table of days: what waits for its time, and what is to be cancelled
"""
