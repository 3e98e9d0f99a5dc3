"""What is taken: the HTTP door, and what a message may be."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.settings.values import Names, Port


class IngressSettings(BaseSettings):
    """The HTTP door."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_INGRESS_")

    host: str = "127.0.0.1"
    """Where it listens."""
    port: Port = 8080
    """Where customers send messages to, and carriers their receipts."""
    reuse_port: bool = False
    """Let several ingress processes share one port (SO_REUSEPORT)."""
    trusted_proxies: Names = ()
    """Networks whose X-Forwarded-For counts."""
    max_connections: Annotated[int, Field(ge=1)] = 2000
    """Open at once. Fewer where the process may not have so many files; some are always left for everything else."""
    max_connections_per_address: Annotated[int, Field(ge=1)] = 256
    """The same for one client address (IPv6: for a /64). Trusted proxies have no such bound."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 262_144
    """Larger bodies get 413."""
    read_timeout_seconds: float = 10.0
    """For a whole request; then 408."""
    acknowledge_timeout_seconds: float = 10.0
    """For the broker; then 503 with the message id in doubt."""
    max_outstanding: Annotated[int, Field(ge=1)] = 5000
    """Messages accepted from clients and not yet acknowledged by the broker, over all connections; beyond it 503."""
    max_outstanding_per_trunk: Annotated[int, Field(ge=1)] = 4000
    """The same for one trunk, so that a flooding one leaves room for the others; beyond it 429."""
    retry_after_seconds: Annotated[int, Field(ge=1)] = 1
    """What 429 and 503 tell the client."""


class MessageSettings(BaseSettings):
    """What a message may be; ingress and processor must agree."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_MESSAGE_")

    max_segments: Annotated[int, Field(ge=1, le=255)] = 10
    """A longer text is refused."""
    time_to_live_seconds: Annotated[int, Field(ge=1)] = 86_400
    """A message that no carrier has taken by then ends as failed."""
