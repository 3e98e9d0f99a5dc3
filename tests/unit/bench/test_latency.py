"""Figures about latencies."""

import math

from tests.bench.latency import percentiles


def test_percentiles_are_nearest_ranks_and_say_what_is_lost() -> None:
    """Of 100 values the 99th, of one value that one, of none nothing."""
    assert percentiles([n / 1000 for n in range(100, 0, -1)], 100) == (50.0, 95.0, 99.0, 0)
    assert percentiles([0.007], 3) == (7.0, 7.0, 7.0, 2)
    assert math.isnan(percentiles([], 4).p50_ms)
    assert percentiles([], 4).lost == 4
