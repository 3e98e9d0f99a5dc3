"""Every metric there is."""

from types import ModuleType

from prometheus_client import CollectorRegistry, Counter, Gauge

from pipeline import metrics
from pipeline.measuring.catalogue import MetricEntry, metrics_of
from pipeline.measuring.spread import Spread


def test_names_are_those_of_the_series() -> None:
    """A counter's ends in _total, a histogram has three."""
    registry, module = CollectorRegistry(), ModuleType("some")
    vars(module).update(
        A=Counter("a_total", "Some", ["x", "y"], registry=registry), NO=5, B=Gauge("b", "", registry=registry),
        C=Spread("c_seconds", "", buckets=(1,), registry=registry),
    )  # fmt: skip
    found = list(metrics_of(module))
    assert found[0] == MetricEntry("a_total", "counter", ("x", "y"), "Some")
    assert [it.series for it in found] == [
        ("a_total",), ("b",), ("c_seconds_bucket", "c_seconds_sum", "c_seconds_count"),
    ]  # fmt: skip


def test_ours_are_named_by_the_conventions() -> None:
    """One prefix, base units, and a meaning for each."""
    found = list(metrics_of(metrics))
    assert len(found) > 40
    assert [it.name for it in found if not it.name.startswith("smsout_") or not it.meaning] == []
    assert [it.name for it in found if it.name.endswith(("_ms", "_minutes", "_kb"))] == []
