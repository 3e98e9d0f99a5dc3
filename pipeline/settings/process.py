"""What a process has, whatever it does: where it listens for those who watch it, its traces, its disk."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.settings.values import Files, Port, none_if_empty


class AgentSettings(BaseSettings):
    """What every agent has."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_")

    host: str = "127.0.0.1"
    """Where metrics and health listen."""
    metrics_port: Port = 0
    """Port of /metrics, /healthz and /readyz; 0 asks the system for a free one."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    drain_timeout_seconds: float = 20.0
    """How long SIGTERM lets work in progress finish."""
    watchdog_seconds: float = 120.0
    """Work waiting and nothing committed for this long ends the process."""
    watched_certificates: Files = ()
    """PEM files, of whomever, whose end `smsout_certificate_not_after_timestamp_seconds` tells."""
    dead_letter_brake: Annotated[int, Field(ge=0)] = 100
    """So many records of a partition in a row that cannot be read end the process; 0: never.

    In the public topic it is those of one trunk, and nobody ends: of the others only where they lie is kept.
    """


class TracingSettings(BaseSettings):
    """Traces to an OpenTelemetry collector, by OpenTelemetry's own variables: ingress, panel, processor, delivery,
    receipts and callback. Beside these its SDK reads others: OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE and _TIMEOUT,
    OTEL_RESOURCE_ATTRIBUTES, and OTEL_BSP_MAX_QUEUE_SIZE (2048 spans), which bounds what waits.
    """

    model_config = SettingsConfigDict(env_prefix="OTEL_", hide_input_in_errors=True)

    exporter_otlp_endpoint: Annotated[
        str | None, Field(pattern=r"^https?://[^/?#]+"), BeforeValidator(none_if_empty)
    ] = None
    """The collector's base URL, `http://collector:4318`. Without it nothing of OpenTelemetry is loaded."""
    exporter_otlp_traces_endpoint: Annotated[
        str | None, Field(pattern=r"^https?://[^/?#]+"), BeforeValidator(none_if_empty)
    ] = None
    """The same for traces alone, with the path: `http://collector:4318/v1/traces`."""
    exporter_otlp_protocol: Literal["http/protobuf"] = "http/protobuf"
    """How it is spoken to."""
    traces_exporter: Literal["otlp", "none"] = "otlp"
    """`none`: no spans, though a collector is named."""
    sdk_disabled: bool = False
    """The same, for everything of OpenTelemetry."""
    traces_sampler: Literal[
        "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
        "parentbased_traceidratio",
    ] = "parentbased_always_on"  # fmt: skip
    """Which messages are traced. With a `parentbased_` one a request that brings a `traceparent` decides for itself;
    the others believe no customer."""
    traces_sampler_arg: Annotated[float | None, Field(ge=0, le=1), BeforeValidator(none_if_empty)] = None
    """The part that is traced, of `traceidratio` and `parentbased_traceidratio`: 0.01 is one in a hundred."""
    service_name: Annotated[str | None, BeforeValidator(none_if_empty)] = None
    """What they are called there instead of `smsout-ingress` and so on."""

    @model_validator(mode="after")
    def _says_how_many(self) -> "TracingSettings":
        """Refuse a ratio without its number: the SDK would trace everything."""
        if self.traces_sampler.endswith("traceidratio") and self.traces_sampler_arg is None:
            raise ValueError(f"OTEL_TRACES_SAMPLER_ARG must say which part {self.traces_sampler} traces, 0 to 1")
        return self

    @property
    def wanted(self) -> bool:
        """Whether spans are exported."""
        named = self.exporter_otlp_endpoint or self.exporter_otlp_traces_endpoint
        return named is not None and self.traces_exporter != "none" and not self.sdk_disabled


class StateSettings(BaseSettings):
    """What agents keep on disk: their slots, and of ingress and processor what can be made again from topics."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_")

    state_dir: Path | None = None
    """A folder for the slots of all agents, the Idempotency-Keys of ingress and processor, and the message log where
    `SMSOUT_DATABASE_URL` names no database. Without it there are only temporary files, made anew at every start, and
    one that was killed keeps its partitions for `SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS`."""

    def file(self, name: str) -> Path | None:
        """Return where a file of this name is kept, None when nothing is."""
        return None if self.state_dir is None else self.state_dir / name
