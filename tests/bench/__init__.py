"""Benchmarks: `make bench`, `python -m tests.bench`. See docs/testing.md."""
