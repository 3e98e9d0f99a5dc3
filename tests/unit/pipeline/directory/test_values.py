"""What URLs, networks and names of the directory may look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.directory.values import name_key, name_problem, normalize_networks, punycoded, url_problem
from pipeline.errors import RuleViolated
from pipeline.http.client_address import Networks, parse_address


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
    ("entry", "normal"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        (" 192.0.2.7/24 ", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("2001:DB8::1", "2001:db8::1/128"),
        ("2001:db8::1/64", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_networks_get_one_form(entry: str, normal: str) -> None:
    """CIDR, host bits cleared, IPv4 inside IPv6 unwrapped; once normal, it stays as it is."""
    assert normalize_networks([entry]) == (normal,)
    assert normalize_networks([normal]) == (normal,)


def test_the_same_network_counts_once() -> None:
    """Repetitions go, the order stays."""
    assert normalize_networks(["10.0.0.0/8", "::1", "10.1.2.3/8", "::1/128"]) == ("10.0.0.0/8", "::1/128")


def test_every_bad_entry_is_named() -> None:
    """The index and the text of each one that is no network."""
    with pytest.raises(RuleViolated) as raised:
        normalize_networks(
            [
                "10.0.0.1",
                "10.0.0",
                "",
                "10.0.0.0/33",
                "::1%eth0",
                "::ffff:0:0/90",
                "203.0.113.7/0",
                "x" * 200,
                "010.0.0.1",
            ]
        )
    assert [where for where, _ in raised.value.problems] == [f"allowed_ips/{index}" for index in range(1, 9)]
    problems = dict(raised.value.problems)
    assert problems["allowed_ips/1"] == "'10.0.0' is not an IPv4 or IPv6 address or network"
    assert "write them as IPv4" in problems["allowed_ips/5"]
    assert "'203.0.113.7/0' would allow every address" in problems["allowed_ips/6"]
    assert len(problems["allowed_ips/7"]) < 150


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_normal_network_holds_the_address_that_it_was_made_of(address: object, length: int) -> None:
    """Normalizing never loses the client: what ingress reads from the stored form holds the address."""
    longest = 32 if ":" not in str(address) else 128
    try:
        (normal,) = normalize_networks([f"{address}/{min(length, longest)}"])
    except RuleViolated:
        return
    parsed = parse_address(str(address))
    assert parsed is not None
    assert parsed in Networks([normal])


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Outbound SMS trunk 1", None),
        ("Überseehandel 👍🏽", None),
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        (" x", "must not begin or end with a space"),
        ("x\u00a0", "must not begin or end with a space"),
        ("a\nb", "control characters"),
        ("a\x00b", "control characters"),
        ("a\u2028b", "control characters"),
    ],
)
def test_names(name: str, problem: str | None) -> None:
    """Any language, but nothing that would break a line of a log or a page."""
    found = name_problem(name)
    assert found is None if problem is None else problem in (found or "")


def test_names_are_compared_as_people_read_them() -> None:
    """Case, outer and repeated spaces, and the way an accent is composed make no difference."""
    assert name_key(" Main  Trunk ") == name_key("main trunk")
    assert name_key("Café") == name_key("CAFE\u0301")
    assert name_key("Straße") == name_key("STRASSE")


@pytest.mark.parametrize(
    "name", ["a\u202eb", "zero\u200bwidth", "a\u200db", "x\ufefft", "\u2066isolated\u2069", "a\u00adb"]
)
def test_a_name_holds_nothing_that_nobody_can_see(name: str) -> None:
    """Bidi controls make a name read as another, and two names that look alike are one to people."""
    assert "nobody can see it" in (name_problem(name) or "")


@pytest.mark.parametrize("name", ["👨\u200d👩\u200d👧 team", "❤\ufe0f", "می\u200cخواهم", "क्\u200dष", "Ünïcode & Söhne"])
def test_joiners_stay_where_a_script_or_an_emoji_needs_them(name: str) -> None:
    """Persian, the scripts of India, and families."""
    assert name_problem(name) is None


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
