"""The three cookies: one for a session, one for a browser that has none, one for a browser that is known.

Over https they have the prefix `__Host-` (draft-ietf-httpbis-rfc6265bis section 4.1.3.2), which
keeps other hosts of the domain from setting them. Plain http is for loopback only, where browsers refuse that prefix.
"""

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from agents.panel.security.csrf import origin_of
from agents.panel.security.devices import KNOWN_SECONDS
from pipeline.errors import ConfigurationError

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
MAX_LENGTH: Final = 128


class Cookies:
    """Reads and sets them. Raises `ConfigurationError` for plain http that is not on loopback."""

    def __init__(self, public_url: str | None, host: str, port: int) -> None:
        if public_url is None:
            if host not in LOOPBACK:
                raise ConfigurationError(
                    f"the panel would listen on {host} over plain http: put a proxy with TLS before it and set "
                    "SMSOUT_PANEL_PUBLIC_URL to its https URL"
                )
            public_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            self._any_loopback = True
        else:
            parts = urlsplit(public_url)
            if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
                raise ConfigurationError("SMSOUT_PANEL_PUBLIC_URL must begin with https://, or be http on loopback")
            self._any_loopback = False
        self.is_secure = public_url.startswith("https:")
        self._origin = origin_of(public_url)
        prefix = "__Host-" if self.is_secure else ""
        self._session = f"{prefix}smsout-session"
        self._visitor = f"{prefix}smsout-visitor"
        self._device = f"{prefix}smsout-device"

    def origin(self, request: web.Request) -> str:
        """Return our origin. On loopback it has several names; the request says which one the browser used."""
        if self._any_loopback and urlsplit(f"//{request.host}").hostname in LOOPBACK:
            return origin_of(f"http://{request.host}")
        return self._origin

    def session(self, request: web.Request) -> str:
        """Return the id of the session that a browser says it has, "" for none."""
        return request.cookies.get(self._session, "")[:MAX_LENGTH]

    def visitor(self, request: web.Request) -> str:
        """Return the visitor's cookie, "" for none."""
        return request.cookies.get(self._visitor, "")[:MAX_LENGTH]

    def device(self, request: web.Request) -> str:
        """Return the cookie of a browser that may be known, "" for none."""
        return request.cookies.get(self._device, "")[:MAX_LENGTH]

    def set_session(self, response: web.StreamResponse, identity: str) -> None:
        """Set the session's cookie, or with "" take it away."""
        self._set(response, self._session, identity)

    def set_visitor(self, response: web.StreamResponse, value: str) -> None:
        """Set the visitor's cookie."""
        self._set(response, self._visitor, value)

    def set_device(self, response: web.StreamResponse, value: str) -> None:
        """Set the cookie of a known browser, which outlives its sessions."""
        self._set(response, self._device, value, KNOWN_SECONDS)

    def _set(self, response: web.StreamResponse, name: str, value: str, max_age: int | None = None) -> None:
        response.set_cookie(
            name,
            value,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="Lax",
            max_age=max_age if value else 0,
        )
