"""Percentiles of values that were counted."""

from collections.abc import Mapping


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """Return the value that `share` of all do not exceed; `counts` are by value. None without any."""
    wanted, passed = sum(counts.values()) * share, 0
    for value in sorted(counts):
        passed += counts[value]
        if passed >= wanted:
            return value
    return None
