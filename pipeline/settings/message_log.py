"""The message log: its database, how long it keeps, and its HTTP door."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.settings.values import Names, Port, with_file


class DatabaseSettings(BaseSettings):
    """Where the message log is: message_log writes it, and the panel reads it."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_", hide_input_in_errors=True)

    database_url: SecretStr | None = None
    """`postgresql://user:password@host/name`, or `sqlite:///path`; without it the file `message-log.sqlite` in the
    state directory."""
    database_url_file: Path | None = None
    """A file that holds it, where the variable does not."""

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, values: dict[str, object]) -> dict[str, object]:
        """Take the URL out of the file. An empty variable is none: a compose file cannot leave one out."""
        return with_file({name: it for name, it in values.items() if it != ""}, "database_url")


class MessageLogSettings(BaseSettings):
    """The message log: how long it keeps, and its HTTP door."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_MESSAGE_LOG_")

    host: str = "127.0.0.1"
    """Where it listens."""
    port: Port = 8082
    """Where trunks look their messages up."""
    trusted_proxies: Names = ()
    """Networks whose X-Forwarded-For counts."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Messages that were accepted on an earlier day (UTC) are dropped, a day at once; a day of which something was
    scheduled for later stays until that is as old."""
    batch_records: Annotated[int, Field(ge=1, le=100_000)] = 50_000
    """Records of one transaction at most: bounds memory."""
    gather_seconds: Annotated[float, Field(ge=0, le=10)] = 2.0
    """How long a batch waits for company while much comes, so that what a message goes through meanwhile is written
    once; a tenth of it while little does."""
    max_connections: Annotated[int, Field(ge=1)] = 1000
    """Open at once."""
    max_connections_per_address: Annotated[int, Field(ge=1)] = 64
    """The same for one address. Trusted proxies have no such bound."""
