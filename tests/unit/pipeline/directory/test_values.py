"""What URLs, networks and names of the directory may look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.directory.values import name_key, name_problem, normalize_networks
from pipeline.errors import RuleViolated
from pipeline.http.client_address import Networks, parse_address


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
