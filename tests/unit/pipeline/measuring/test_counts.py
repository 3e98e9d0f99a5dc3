"""Counters by names that are no closed set."""

from prometheus_client import CollectorRegistry

from pipeline.measuring.counts import OTHERS, Counts


class Bench:
    """Counts of at most two names, and what a scrape finds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.counts = Counts("n", "", "trunk", ("sent", "failed"), most=2, registry=self.registry)

    def value(self, trunk: str, outcome: str) -> float | None:
        return self.registry.get_sample_value("n_total", {"trunk": trunk, "outcome": outcome})


def test_every_outcome_is_there_from_the_first_event() -> None:
    """With 0, so that the first failure shows as a rise."""
    bench = Bench()
    assert bench.value("a", "sent") is None
    bench.counts.add("a", "sent", 3)
    assert (bench.value("a", "sent"), bench.value("a", "failed")) == (3.0, 0.0)


def test_names_beyond_the_bound_are_counted_together() -> None:
    """A thousand trunks make no thousand series, and none of their events is missing."""
    bench = Bench()
    for number in range(1000):
        bench.counts.add(str(number), "sent")
    (family,) = bench.counts.collect()
    assert len(family.samples) == 2 * 3
    assert bench.value(OTHERS, "sent") == 998.0


def test_a_name_that_goes_makes_room() -> None:
    """Its series end."""
    bench = Bench()
    bench.counts.add("a", "sent")
    bench.counts.add("b", "sent")
    bench.counts.remove("a")
    bench.counts.remove("never")
    bench.counts.add("c", "failed")
    assert (bench.value("a", "sent"), bench.value("c", "failed"), bench.value(OTHERS, "sent")) == (None, 1.0, None)
