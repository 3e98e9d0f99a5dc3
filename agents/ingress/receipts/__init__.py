"""Carriers' delivery receipts: known by their reference, read, stored.

door  one receipt, from its address to its answer
"""
