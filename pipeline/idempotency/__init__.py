"""Idempotency-Keys: which of several submissions with one key is sent.

keys   the rule, over the topic alone
store  the keys of two days, on disk
"""
