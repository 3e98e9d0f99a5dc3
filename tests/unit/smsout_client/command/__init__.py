"""The client from a command line."""
