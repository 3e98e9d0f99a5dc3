"""Whether an agent exports traces, decided once, at its start: where none are wanted nothing of it is loaded."""

import importlib.metadata
from typing import TYPE_CHECKING

from pipeline.errors import ConfigurationError
from pipeline.settings import TracingSettings

if TYPE_CHECKING:
    from pipeline.tracing.export import Exporter


def open_exporter(agent: str, instance: str) -> "Exporter | None":
    """Return what exports the spans of an agent; None where no collector is named.

    Raises `ConfigurationError` where one is named and OpenTelemetry is not installed.
    """
    settings = TracingSettings()
    if not settings.wanted:
        return None
    try:
        from pipeline.tracing.export import Exporter
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT names a collector, and {error.name} is not installed: `make setup-tracing` "
            "does that; OTEL_TRACES_EXPORTER=none does without"
        ) from error
    resource = {"service.instance.id": instance, "service.version": importlib.metadata.version("smsout")}
    if settings.service_name is None:
        resource["service.name"] = f"smsout-{agent}"
    return Exporter(resource)
