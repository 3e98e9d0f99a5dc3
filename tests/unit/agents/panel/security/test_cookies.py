"""Where cookies may go over plain http."""

import pytest

from agents.panel.security.cookies import Cookies
from pipeline.errors import ConfigurationError


@pytest.mark.parametrize(
    ("public_url", "host"),
    [(None, "0.0.0.0"), (None, "sms.example"), ("http://sms.example", "127.0.0.1"), ("ftp://x", "127.0.0.1")],  # noqa: S104
)
def test_plain_http_is_for_loopback(public_url: str | None, host: str) -> None:
    """Anything else would send passwords in clear."""
    with pytest.raises(ConfigurationError, match="https"):
        Cookies(public_url, host, 8081)
