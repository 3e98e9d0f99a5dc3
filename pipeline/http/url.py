"""A URL that can be posted to, taken apart once."""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from pipeline.errors import AddressNotAllowed
from schemas.urls import url_problem

DEFAULT_PORTS = {"http": 80, "https": 443}


class HttpUrl(NamedTuple):
    """Where a URL leads, and what to ask for there.

    `host` is a name in lower case or an address without brackets. `authority` is the Host header, `target` path and
    query as they go into the request line. `origin` is what can be slow or down as one, and all of a URL that may be
    logged: path and query may hold a customer's secret.
    """

    tls: bool
    host: str
    port: int
    authority: str
    target: str
    origin: str


@lru_cache(maxsize=8192)
def http_url(url: str) -> HttpUrl:
    """Take a URL apart. Raises `AddressNotAllowed` for one that the directory would not take.

    The same strict reading as the directory's (ASCII, one spelling of an address, no user info): what is checked is
    what is called.
    """
    if (problem := url_problem(url)) is not None:
        raise AddressNotAllowed(f"the URL {problem}")
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    written = f"[{host}]" if ":" in host else host
    authority = written if port == DEFAULT_PORTS[parts.scheme] else f"{written}:{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpUrl(parts.scheme == "https", host, port, authority, target, f"{parts.scheme}://{authority}")


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, whatever it is, for logs and records; `invalid` of one that is none."""
    try:
        return http_url(url).origin
    except AddressNotAllowed:
        return "invalid"
