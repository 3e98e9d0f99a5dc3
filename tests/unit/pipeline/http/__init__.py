"""Posting over HTTP/1.1, on both event loops."""
