"""Origins and tokens of what a browser sends."""

import pytest

from agents.panel.security import csrf


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"Origin": "https://sms.example"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": "http://sms.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({}, False),
    ],
)
def test_where_a_request_comes_from(headers: dict[str, str], ours: bool) -> None:
    """The browser's word counts; no word is a no."""
    assert ours is csrf.comes_from_us(headers, "https://sms.example")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://SMS.example/", "https://sms.example"),
        ("https://sms.example:443", "https://sms.example"),
        ("http://127.0.0.1:8081/x", "http://127.0.0.1:8081"),
        ("http://[::1]:8081", "http://[::1]:8081"),
    ],
)
def test_an_origin_is_written_as_browsers_do(url: str, origin: str) -> None:
    """Lower case, no default port."""
    assert origin == csrf.origin_of(url)


def test_a_visitors_token_belongs_to_its_cookie() -> None:
    """And to this process."""
    visitors = csrf.Visitors()
    cookie = visitors.new_cookie()
    assert csrf.same(visitors.token(cookie), visitors.token(cookie))
    assert not csrf.same(visitors.token(cookie), visitors.token(visitors.new_cookie()))
    assert not csrf.same(csrf.Visitors().token(cookie), visitors.token(cookie))
    assert not csrf.same("\ud800", visitors.token(cookie))
