"""The panel, and what it links to."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.settings.values import Names, Port


class PanelSettings(BaseSettings):
    """The web panel and the management API."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_PANEL_")

    host: str = "127.0.0.1"
    """Where it listens."""
    port: Port = 8081
    """Where browsers and the management API's clients reach it."""
    public_url: str | None = None
    """Where browsers reach it: `https://sms.example`. May be left out on loopback, where plain http is allowed."""
    ingress_urls: Names = ()
    """Where customers send messages to; the credentials window shows them."""
    trusted_proxies: Names = ()
    """Networks whose X-Forwarded-For counts."""
    max_body_bytes: Annotated[int, Field(ge=65_536)] = 8_388_608
    """A CSV with 200,000 numbers takes 4 MB."""
    idle_timeout_seconds: float = 1800.0
    """A session that is not used for this long ends."""
    session_timeout_seconds: float = 43_200.0
    """So does every session after this."""
    write_timeout_seconds: float = 4.0
    """How long a request waits for the broker to acknowledge a message, an audit event or a change."""
    take_over: bool = False
    """Take the place of a panel on this machine that is still alive."""


class GrafanaSettings(BaseSettings):
    """Where operators look at the metrics."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_")

    grafana_url: Annotated[str, Field(pattern=r"^https?://[^\s\"'<>]+$")] | None = None
    """The panel links to it."""
