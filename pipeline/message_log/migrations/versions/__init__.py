"""One module a version, named for its revision."""
