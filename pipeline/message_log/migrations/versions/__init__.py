"""One module a version, named for its revision.

v0001_offsets_and_days  the tables that are there once
"""
