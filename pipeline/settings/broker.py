"""The broker, the topics on it, and how long what failed waits there."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.settings.values import Delays
from schemas.topics import CALLBACK_DELAYS_SECONDS, MT_RETRY_DELAYS_SECONDS


class KafkaSettings(BaseSettings):
    """How to reach the broker: every agent but the simulator."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_KAFKA_")

    bootstrap_servers: str = "127.0.0.1:9092"
    """`host:port`, several with commas. Without it `smsout up` starts a broker of its own."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Whether connections are encrypted (SSL), and whether we say who we are (SASL)."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How we say who we are."""
    sasl_username: str | None = None
    """Whom the broker's ACLs name."""
    sasl_password: SecretStr | None = None
    """That user's password."""
    ssl_ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    connect_timeout_seconds: float = 20.0
    """How long a start waits for the broker to answer."""
    produce_timeout_seconds: float = 40.0
    """A batch that is not acknowledged by then ends the agent, which starts over from its committed offsets."""
    session_timeout_seconds: float = 30.0
    """How long one that does not answer keeps its partitions; who takes a dead one's slot has them at once."""


class TopicSettings(BaseSettings):
    """What `smsout topics apply` makes."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_TOPICS_")

    partitions: Annotated[int, Field(ge=1, le=1024)] = 4
    """Of each main topic; bounds the processes per agent that share the work."""
    replication_factor: Annotated[int, Field(ge=1, le=9)] = 1
    """Copies of every record."""
    min_insync_replicas: Annotated[int, Field(ge=1, le=9)] = 1
    """Copies that must exist before a record is acknowledged."""


class RetrySettings(BaseSettings):
    """Delay tiers: processor, delivery, callback and `smsout topics apply` must agree."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_RETRY_")

    callback_delays_seconds: Delays = CALLBACK_DELAYS_SECONDS
    """Before each further attempt at a callback, one tier for each; the failure after the last one is a dead letter."""
    mt_delays_seconds: Delays = MT_RETRY_DELAYS_SECONDS
    """Before each further attempt at a carrier, within the message's time to live."""
