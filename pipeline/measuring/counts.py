"""Events of trunks and others that are no closed set, by outcome: cheap to count, and of a bounded number of series.

Only for one thread: the event loop's, which also answers /metrics.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

OTHERS: Final = "others"
"""Stands for every name beyond the bound."""


class Counts(Collector):
    """A counter with the labels `label` and `outcome`.

    The first `most` names of this process's life have series of their own. All `outcomes` of a name are there from its
    first event on, so that a rate can be told from the second.
    """

    def __init__(
        self,
        name: str,
        documentation: str,
        label: str,
        outcomes: Sequence[str],
        *,
        most: int,
        registry: CollectorRegistry | None = REGISTRY,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = (label, "outcome")
        self._outcomes = tuple(outcomes)
        self._most = most
        self._counts: dict[tuple[str, str], float] = {}
        self._names: set[str] = set()
        if registry is not None:
            registry.register(self)

    def add(self, name: str, outcome: str, count: float = 1) -> None:
        """Count an event, which is one of `outcomes`."""
        if (name, outcome) not in self._counts:
            name = name if name in self._names else self._begin(name)
        self._counts[name, outcome] += count

    def _begin(self, name: str) -> str:
        shown = name if len(self._names - {OTHERS}) < self._most else OTHERS
        if shown not in self._names:
            self._names.add(shown)
            self._counts.update(dict.fromkeys([(shown, outcome) for outcome in self._outcomes], 0))
        return shown

    def remove(self, name: str) -> None:
        """Take the series of a name away, which makes room for another."""
        if name in self._names:
            self._names.discard(name)
            for outcome in self._outcomes:
                del self._counts[name, outcome]

    def describe(self) -> Iterator[CounterMetricFamily]:
        """Say what it is called, so that a second one of the name is refused."""
        yield CounterMetricFamily(self._name, self._documentation, labels=self._labelnames)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return all series, for a scrape."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family
