"""What a password of a person must be, and one that is made for somebody's first log-in."""

import secrets
from typing import Final

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 1024
_GENERATED_BYTES: Final = 15


def password_problem(password: str, email: str) -> str | None:
    """Say what is wrong with a password that a person chose, or None. Length is what counts (NIST SP 800-63B)."""
    if len(password) < MIN_LENGTH:
        return f"must have at least {MIN_LENGTH} characters"
    if len(password) > MAX_LENGTH:
        return f"must not have more than {MAX_LENGTH} characters"
    if password.casefold() in (email.casefold(), email.partition("@")[0].casefold()):
        return "must not be the email address"
    if len(set(password)) < 4:
        return "must not repeat the same few characters"
    return None


def generated_password() -> str:
    """Return a password for somebody's first log-in: 120 random bits."""
    return secrets.token_urlsafe(_GENERATED_BYTES)
