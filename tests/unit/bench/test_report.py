"""How results are written down."""

from tests.bench.latency import percentiles
from tests.bench.report import as_json


def test_results_become_plain_json() -> None:
    """Named tuples become objects, figures are rounded."""
    assert as_json({"a": percentiles([0.001], 1)}) == {"a": {"p50_ms": 1.0, "p95_ms": 1.0, "p99_ms": 1.0, "lost": 0}}
