"""What is posted to carriers and to endpoints, and how long receipts are waited for."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.settings.values import Names


class DeliverySettings(BaseSettings):
    """Posting to carriers."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_DELIVERY_")

    connections: Annotated[int, Field(ge=1)] = 900
    """POSTs open at once, over all carriers, a third of them for those that are quick. Each has a file: keep it
    below the process's limit."""
    run_ahead: Annotated[int, Field(ge=1)] = 200_000
    """Records taken beyond the oldest unfinished one, per partition: bounds what one that hangs has behind it."""
    timeout_seconds: float = 30.0
    """For a whole POST, where the carrier's own setting is not shorter."""
    connect_timeout_seconds: float = 5.0
    """For the connection alone."""
    max_answer_bytes: int = 16_384
    """Of an answer's body that are kept; 64 KiB more are read for what comes with it."""
    receipt_base_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+(/[^?#]*)?$")] = "http://127.0.0.1:8080"
    """Where carriers reach ingress; each POST whose receipt is wanted names an address below it."""


class ReceiptSettings(BaseSettings):
    """The roll-up of delivery receipts by the agent receipts."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_RECEIPTS_")

    timeout_seconds: Annotated[int, Field(ge=1, le=2_592_000)] = 259_200
    """How long after its success a message waits for its receipts; then what is missing is unknown."""


class CallbackSettings(BaseSettings):
    """Posting to customers' endpoints."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_CALLBACK_")

    workers: Annotated[int, Field(ge=1, le=4096)] = 64
    """Callbacks being posted at once; as many again to slow endpoints, and as many that hang."""
    run_ahead: Annotated[int, Field(ge=1)] = 200_000
    """Records taken beyond the oldest unfinished one, per partition: bounds what one that hangs has behind it."""
    timeout_seconds: float = 15.0
    """For a whole POST."""
    connect_timeout_seconds: float = 5.0
    """For the connection alone."""
    max_answer_bytes: int = 16_384
    """Of an answer's body that are kept; 64 KiB more are read for what comes with it."""
    allowed_addresses: Names = ()
    """Networks that may be called although they are not global, as `network` or `network:port` (IPv6 in brackets
    with a port): for development and for endpoints inside one's own network."""
