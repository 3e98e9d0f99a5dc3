"""One-time codes from an authenticator app: TOTP (RFC 6238), six digits every 30 seconds, over HMAC-SHA-1.

SHA-1 because that is what the apps know; its collisions are no matter for an HMAC.
"""

import base64
import hmac
import secrets
from typing import Final
from urllib.parse import quote, urlencode

PERIOD_SECONDS: Final = 30
DIGITS: Final = 6
DRIFT: Final = 1  # periods before and after, for clocks that differ (RFC 6238 section 5.2)
SECRET_BYTES: Final = 20  # as long as the hash (RFC 4226 section 4, R6)
ISSUER: Final = "smsout"


def new_secret() -> str:
    """Return a secret in base32, as the apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def address(secret: str, email: str) -> str:
    """Return what an app on the same device opens, or reads from a picture."""
    query = urlencode({"secret": secret, "issuer": ISSUER})
    return f"otpauth://totp/{quote(f'{ISSUER}:{email}')}?{query}"


def matching_period(secret: str, code: str, now: float) -> int | None:
    """Return the period that `code` belongs to, None when it is none of those about `now` (Unix time)."""
    given = "".join(code.split())
    current = int(now) // PERIOD_SECONDS
    found = None
    for period in range(max(0, current - DRIFT), current + DRIFT + 1):
        if hmac.compare_digest(_code(secret, period).encode(), given.encode("utf-8", "replace")):
            found = period
    return found


def _code(secret: str, period: int) -> str:
    digest = hmac.digest(base64.b32decode(secret), period.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"
