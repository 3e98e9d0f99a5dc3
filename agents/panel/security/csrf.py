"""Did this browser mean to send this? Asked for every method that is not safe (RFC 9110 section 9.2.1).

Two answers are wanted: the browser's own word about where the request comes from (Origin, else Sec-Fetch-Site), and
a token that only our pages hold: the session's, or before log-in one derived from a cookie.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD: Final = "csrf_token"
HEADER: Final = "X-CSRF-Token"


def origin_of(url: str) -> str:
    """Return the origin of a URL as browsers write it (RFC 6454 section 6.2): no default port, lower case."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, default) else "")


def comes_from_us(headers: Mapping[str, str], ours: str) -> bool:
    """Tell whether the browser says that one of our own pages sent this. No word at all is a no."""
    origin = headers.get("Origin")
    if origin is not None:
        return origin == ours
    return headers.get("Sec-Fetch-Site") == "same-origin"


def same(token: str, expected: str) -> bool:
    """Compare two tokens in constant time."""
    return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), expected.encode())


class Visitors:
    """Tokens for browsers that have not logged in: derived from a random cookie, so nothing is kept for them."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def new_cookie(self) -> str:
        """Return a value for the cookie."""
        return secrets.token_urlsafe(16)

    def token(self, cookie: str) -> str:
        """Return the token that goes with a cookie."""
        return hmac.digest(self._key, cookie.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()
