"""The cheap histogram says the same as prometheus_client's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from pipeline.measuring.spread import Spread

BUCKETS = (0.01, 0.5, 1, 10)


@given(values=st.lists(st.floats(min_value=0, max_value=20) | st.sampled_from(BUCKETS), max_size=40))
def test_it_is_exposed_as_any_histogram(values: list[float]) -> None:
    """Line for line, bounds included in their buckets."""
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    histogram = Histogram("h", "Some words", ["stage"], buckets=BUCKETS, registry=theirs).labels("x")
    spread = Spread("h", "Some words", ["stage"], buckets=BUCKETS, registry=ours).labels("x")
    for value in values:
        histogram.observe(value)
        spread.observe(value)
    expected = [it for it in generate_latest(theirs).decode().splitlines() if "h_created" not in it]
    assert generate_latest(ours).decode().splitlines() == expected


def test_a_series_is_there_before_its_first_value() -> None:
    """Without labels at once; with labels from when they are named."""
    registry = CollectorRegistry()
    Spread("bare", "", buckets=BUCKETS, registry=registry)
    labelled = Spread("labelled", "", ["a"], buckets=BUCKETS, registry=registry)
    assert registry.get_sample_value("bare_count") == 0.0
    assert registry.get_sample_value("labelled_count", {"a": "x"}) is None
    labelled.labels("x")
    assert registry.get_sample_value("labelled_count", {"a": "x"}) == 0.0
    labelled.remove("x")
    assert registry.get_sample_value("labelled_count", {"a": "x"}) is None


def test_a_clock_that_differs_does_not_make_the_sum_fall() -> None:
    """A sum that falls is read as a restart."""
    registry = CollectorRegistry()
    spread = Spread("s", "", buckets=BUCKETS, registry=registry).labels()
    spread.observe(-5.0)
    assert registry.get_sample_value("s_sum") == 0.0
    assert registry.get_sample_value("s_bucket", {"le": "0.01"}) == 1.0


def test_two_of_one_name_and_wrong_labels_are_refused() -> None:
    """As prometheus_client does."""
    registry = CollectorRegistry()
    spread = Spread("twice", "", ["a"], buckets=BUCKETS, registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Spread("twice", "", buckets=BUCKETS, registry=registry)
    with pytest.raises(ValueError, match="has the labels"):
        spread.labels()
