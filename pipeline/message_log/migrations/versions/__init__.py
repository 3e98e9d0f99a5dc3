"""One module a version, named for its revision.

v0001_offsets_and_days     the tables that are there once
v0002_references_and_tags  columns and indexes of days: what customers call their messages
"""
