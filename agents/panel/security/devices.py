"""Browsers that their user has logged in with before, known by a cookie that only we can make.

Whoever has none is a stranger, and strangers wait for each other when somebody guesses passwords; a known browser has
a lane of its own and waits for its own failures alone (OWASP, "Slow Down Online Guessing Attacks with Device
Cookies"). The cookie proves nothing else: a password is needed all the same.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from typing import Final, Self

KNOWN_SECONDS: Final = 180 * 86_400
_LABEL: Final = b"smsout panel device cookie 1"
_ID_BYTES: Final = 12


class Devices:
    """Makes the cookies and reads them. `clock` gives Unix time."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    @classmethod
    def under(cls, pepper: bytes) -> Self:
        """Return those of an installation: they outlive a restart, and end with its pepper."""
        return cls(hmac.digest(pepper, _LABEL, "sha256"))

    def new_cookie(self, user_id: str) -> str:
        """Return a value for the cookie of a browser with which a user has just logged in."""
        known = f"{secrets.token_hex(_ID_BYTES)}.{int(self._clock()) + KNOWN_SECONDS}"
        return f"{known}.{self._proof(known, user_id)}"

    def device(self, cookie: str, user_id: str) -> str | None:
        """Return the id of the browser that a cookie is of, None when this user has not logged in with it."""
        known, _, proof = cookie.rpartition(".")
        device, _, until = known.partition(".")
        if not hmac.compare_digest(proof.encode("utf-8", "replace"), self._proof(known, user_id).encode()):
            return None
        return device if int(until) > self._clock() else None

    def _proof(self, known: str, user_id: str) -> str:
        # Neither part can hold the line feed between them.
        return hmac.digest(self._key, f"{known}\n{user_id}".encode("utf-8", "surrogatepass"), "sha256").hex()
