"""Whether spans are exported at all, and that nothing is loaded where they are not."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from pipeline.errors import ConfigurationError
from pipeline.settings import TracingSettings
from pipeline.tracing import opening

COLLECTOR = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{COLLECTOR}/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR, "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_a_collector_that_is_named_is_wanted(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], wanted: bool
) -> None:
    """Unless something says that it is not."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert TracingSettings().wanted is wanted


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"OTEL_TRACES_SAMPLER": "traceidratio"}, "OTEL_TRACES_SAMPLER_ARG must say which part"),
        ({"OTEL_TRACES_SAMPLER": "some"}, "traces_sampler"),
        ({"OTEL_TRACES_SAMPLER_ARG": "10"}, "traces_sampler_arg"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "exporter_otlp_protocol"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "exporter_otlp_endpoint"),
    ],
)
def test_what_the_sdk_would_take_for_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], named: str
) -> None:
    """A ratio without its number would be all of it."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=named):
        TracingSettings()


def test_without_the_packages_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that is named and gets nothing would be looked for in vain."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "pipeline.tracing.export", raising=False)
    with pytest.raises(ConfigurationError, match="make setup-tracing"):
        opening.open_exporter("ingress", "1")


def test_no_agent_loads_opentelemetry_by_itself() -> None:
    """Only what a collector is named for pays for it."""
    agents = ("ingress", "processor", "delivery", "receipts", "callback", "panel", "message_log")
    program = "import sys; " + "; ".join(f"import agents.{it}.__main__" for it in agents)
    program += "; print([it for it in sys.modules if it.startswith('opentelemetry')])"
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
