"""A histogram that is filled once per message: prometheus_client's own takes a lock and a microsecond for each value.

Only for one thread: the event loop's, which also answers /metrics.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import inf

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class SpreadOf:
    """The values of one set of labels."""

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """How many values each bucket has, without those of the buckets before it; the last is beyond all bounds."""
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Take in a value. What is below 0, because clocks differ, counts as 0."""
        if value > 0.0:
            self.sum += value
        self.counts[bisect_left(self._bounds, value)] += 1


class Spread(Collector):
    """A histogram. `buckets` are upper bounds, rising and without infinity."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str] = (),
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry | None = REGISTRY,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = tuple(labelnames)
        self._bounds = tuple(float(bound) for bound in buckets)
        self._texts: list[str] = [floatToGoString(bound) for bound in (*self._bounds, inf)]  # type: ignore[no-untyped-call]
        self._children: dict[tuple[str, ...], SpreadOf] = {}
        if registry is not None:
            registry.register(self)
        if not labelnames:
            self.labels()

    def labels(self, *values: str) -> SpreadOf:
        """Return where values with these labels go; the series is there from now on. Raises `ValueError`."""
        if len(values) != len(self._labelnames):
            raise ValueError(f"{self._name} has the labels {self._labelnames}, not {values}")
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = SpreadOf(self._bounds)
        return child

    def remove(self, *values: str) -> None:
        """Take a series away; what is observed on it from then on is not seen."""
        self._children.pop(values, None)

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Say what it is called, so that a second one of the name is refused."""
        yield HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Return all series, for a scrape."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for values, child in self._children.items():
            total, buckets = 0, []
            for text, count in zip(self._texts, child.counts, strict=True):
                total += count
                buckets.append((text, total))
            family.add_metric(values, buckets, child.sum)
        yield family
