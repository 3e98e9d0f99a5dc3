"""What a URL that is posted to may look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.urls import punycoded, url_problem


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com:8080/path?a[]=1&b=%20",
        "https://sub_domain.example.com./x",
        "http://127.0.0.1:9000/inbox/demo",
        "http://[2001:db8::1]:8443/",
        "https://xn--bcher-kva.example/",
        "https://localhost",
        "https://e.com/" + "x" * 2034,
    ],
)
def test_endpoints_that_can_be_called(url: str) -> None:
    """Names, addresses, ports, paths and queries of http and https."""
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must begin with http"),
        ("example.com/x", "must begin with http"),
        ("ftp://example.com", "must begin with http"),
        ("javascript:alert(1)", "must begin with http"),
        ("https://", "has no host"),
        ("https:///path", "has no host"),
        ("https://:8080/", "has no host"),
        ("https://user:secret@example.com", "username or password"),
        ("https://@example.com", "username or password"),
        ("https://example.com/#top", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com:0/", "port 0"),
        ("https://example.com:65536/", "not a valid URL"),
        ("https://example.com:x/", "not a valid URL"),
        ("https://exa mple.com", "' ' at character 12"),
        (" https://example.com", "at character 1"),
        ("https://example.com/a\nb", "'\\n' at character 22"),
        ("https://example.com/\t", "at character 21"),
        ("https://example.com\\@evil.example", "at character 20"),
        ("https://bücher.example", "character 10"),
        ("https://example.com/{id}", "'{' at character 21"),
        ("https://example.com/%zz", "'%' at character 21"),
        ("https://-example.com", "no valid name"),
        ("https://a..example.com", "no valid name"),
        ("https://" + "a" * 64 + ".com", "no valid name"),
        ("https://" + "a." * 127 + "com", "no valid name"),
        ("https://2130706433/", "no valid IP address"),
        ("https://127.1/", "no valid IP address"),
        ("https://0177.0.0.1/", "no valid IP address"),
        ("https://0x7f000001/", "no valid IP address"),
        ("https://[::1", "not a valid URL"),
        ("https://[fe80::1%25eth0]/", "zone"),
        ("https://e.com/" + "x" * 2035, "longer than 2048"),
    ],
)
def test_endpoints_that_cannot(url: str, problem: str) -> None:
    """Each gets its own explanation."""
    assert problem in (url_problem(url) or "no problem")


@given(st.text())
def test_no_text_breaks_the_url_check(url: str) -> None:
    """Any text has a problem or none; and what passes has a host and no character that HTTP would split at."""
    if url_problem(url) is None:
        assert url.isascii()
        assert not set(url) & set(" \r\n\t\\")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://bücher.example/x?y=z", "https://xn--bcher-kva.example/x?y=z"),
        ("https://例え.テスト:8443/", "https://xn--r8jz45g.xn--zckzah:8443/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://☃.example/", "https://☃.example/"),
        ("https://[::1/ü", "https://[::1/ü"),
        ("", ""),
    ],
)
def test_a_host_in_other_letters_becomes_punycode(url: str, kept: str) -> None:
    """A URL without one, and one that no registry would take, stay as they are."""
    assert punycoded(url) == kept
