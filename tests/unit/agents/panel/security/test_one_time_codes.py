"""One-time codes: RFC 6238's own examples, and what is not a code of this moment."""

import base64

import pytest

from agents.panel.security.one_time_codes import address, matching_period, new_secret

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("now", "code"),  # RFC 6238 appendix B, the last six of its eight digits
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_the_codes_are_those_of_the_rfc(now: int, code: str) -> None:
    """Also as people type them, and half a minute early or late; no later."""
    assert matching_period(SECRET, code, now) == now // 30
    assert matching_period(SECRET, f"{code[:3]} {code[3:]}", now) == now // 30
    assert matching_period(SECRET, code, now + 30) == now // 30
    assert matching_period(SECRET, code, now + 60) is None
    assert now < 60 or matching_period(SECRET, code, now - 60) is None


@pytest.mark.parametrize("code", ["", "28708", "2870820", "abcdef", "２８７０８２", "\ud800"])
def test_anything_else_is_no_code(code: str) -> None:
    """Whatever is typed is compared, and never breaks."""
    assert matching_period(SECRET, code, 59) is None


def test_a_new_secret_has_160_bits_and_an_address_that_apps_open() -> None:
    """The name in it tells people which entry it is."""
    secret = new_secret()
    assert len(base64.b32decode(secret)) == 20
    assert secret != new_secret()
    assert address("ABC", "a b@x.example") == "otpauth://totp/smsout%3Aa%20b%40x.example?secret=ABC&issuer=smsout"
