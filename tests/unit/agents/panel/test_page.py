"""Where a page may lead."""

import pytest

from agents.panel.page import local_path


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/sms/trunks?page=2", "/sms/trunks?page=2"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_after_log_in_one_stays_here(wanted: str, path: str) -> None:
    """A link to our log-in page cannot lead elsewhere."""
    assert path == local_path(wanted)
