"""Which metrics there are: for docs/metrics.md, and for whoever checks that dashboards and alerts name no others."""

from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from prometheus_client.metrics import MetricWrapperBase

from pipeline.measuring.counts import Counts
from pipeline.measuring.spread import Spread


class MetricEntry(NamedTuple):
    """A metric; `name` is that of its series, of a histogram without `_bucket`, `_sum` and `_count`."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its series."""
        if self.kind == "histogram":
            return tuple(f"{self.name}{part}" for part in ("_bucket", "_sum", "_count"))
        return (self.name,)


def metrics_of(module: ModuleType) -> Iterator[MetricEntry]:
    """Yield the metrics that a module defines, in its order."""
    for metric in vars(module).values():
        if isinstance(metric, MetricWrapperBase | Counts | Spread):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            yield MetricEntry(name, family.type, tuple(metric._labelnames), family.documentation)  # noqa: SLF001
