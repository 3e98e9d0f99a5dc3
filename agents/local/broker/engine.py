"""What a broker engine is, and the settings that both may have."""

from pathlib import Path
from typing import Protocol

from pydantic_settings import BaseSettings, SettingsConfigDict

from agents.local.launch import Launch


class BrokerSettings(BaseSettings):
    """How our own broker is run; it is not needed for a broker that is there already."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_KAFKA_")

    libs: Path | None = None
    """Where Apache Kafka's jars are, or will be put; by default `.smsout/kafka-<version>/libs` where we run."""


class Engine(Protocol):
    """A broker that can be run on this machine."""

    name: str
    notice: str | None
    """What somebody who starts it should know."""
    read_isolation: str
    """What `SMSOUT_KAFKA_READ_ISOLATION` must be with it."""
    survives_a_crash: bool
    """Whether what it has acknowledged is there again when it is started after a crash."""

    def missing(self) -> str | None:
        """Say what it needs and this machine lacks, None when it can run."""

    def prepare(self, data_dir: Path, port: int) -> Launch:
        """Make everything ready to serve `data_dir` at 127.0.0.1:`port`; may take as long as a download.

        Raises `ConfigurationError` with one line that says what is wrong.
        """
