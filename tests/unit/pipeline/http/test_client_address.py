"""Whose address counts behind proxies, and what is in a list of networks."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.http.client_address import Address, Networks, client_address, parse_address

PROXIES = Networks(["10.0.0.0/8", "2001:db8:ffff::/48", "127.0.0.1"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        pytest.param("198.51.100.7", [], "198.51.100.7", id="no proxy"),
        pytest.param("198.51.100.7", ["203.0.113.9"], "198.51.100.7", id="header of a stranger does not count"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="proxy speaks for itself"),
        pytest.param("10.0.0.1", ["203.0.113.9"], "203.0.113.9", id="one proxy"),
        pytest.param("10.0.0.1", ["203.0.113.9, 10.9.9.9"], "203.0.113.9", id="two proxies"),
        pytest.param("10.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9", id="what the client wrote is left of it"),
        pytest.param("10.0.0.1", ["1.1.1.1", "203.0.113.9 ,10.2.2.2"], "203.0.113.9", id="lines join in order"),
        pytest.param("10.0.0.1", ["203.0.113.9", "10.2.2.2"], "203.0.113.9", id="second line is the nearer one"),
        pytest.param("10.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.1", id="all trusted: the farthest"),
        pytest.param("10.0.0.1", ["unknown"], None, id="garbage"),
        pytest.param("10.0.0.1", ["203.0.113.9, "], "203.0.113.9", id="empty hop"),
        pytest.param("10.0.0.1", [",, 203.0.113.9 ,\t,10.2.2.2,", "", ","], "203.0.113.9", id="empty hops everywhere"),
        pytest.param("10.0.0.1", [""], "10.0.0.1", id="empty header is as if absent"),
        pytest.param("10.0.0.1", [" , ", ","], "10.0.0.1", id="nothing but empty hops"),
        pytest.param("203.0.113.9", [""], "203.0.113.9", id="empty header of somebody else"),
        pytest.param("10.0.0.1", ["203.0.113.9, _hidden, 10.2.2.2"], None, id="garbage between"),
        pytest.param("10.0.0.1", ["garbage, 203.0.113.9"], "203.0.113.9", id="garbage beyond the client is his"),
        pytest.param("10.0.0.1", ["203.0.113.9:5678"], "203.0.113.9", id="v4 with port"),
        pytest.param("10.0.0.1", ["[2001:db8::9]:5678"], "2001:db8::9", id="v6 with port"),
        pytest.param("10.0.0.1", ["[2001:db8::9]"], "2001:db8::9", id="v6 in brackets"),
        pytest.param("10.0.0.1", ["[203.0.113.9"], None, id="open bracket"),
        pytest.param("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9", id="mapped proxy of a dual-stack socket"),
        pytest.param("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9", id="mapped client"),
        pytest.param("2001:db8:ffff::1", ["fe80::1%eth0"], "fe80::1", id="zone id"),
        pytest.param(None, ["203.0.113.9"], None, id="no peer"),
        pytest.param("", [], None, id="unix socket"),
        pytest.param("10.0.0.1", ["1" * 8000], None, id="long garbage"),
    ],
)
def test_client_address(peer: str | None, forwarded_for: list[str], expected: str | None) -> None:
    """The first address from the right that no trusted proxy has, and none at all when a trusted hop is garbage."""
    assert (ip_address(expected) if expected else None) == client_address(peer, forwarded_for, PROXIES)


def test_without_trusted_proxies_the_header_never_counts() -> None:
    """An installation without proxies looks at the connection alone."""
    assert IPv4Address("10.0.0.1") == client_address("10.0.0.1", ["203.0.113.9"], Networks([]))


@given(
    client=st.ip_addresses().filter(lambda it: it not in PROXIES and getattr(it, "ipv4_mapped", None) is None),
    forged=st.lists(st.one_of(st.ip_addresses().map(str), st.text("abc.:[]% ", max_size=20)), max_size=5),
    hops=st.lists(st.ip_addresses(network="10.0.0.0/8").map(str), max_size=4),
)
def test_nothing_the_client_writes_changes_its_address(client: Address, forged: list[str], hops: list[str]) -> None:
    """Whatever stands left of the entry that our own proxy added is not looked at."""
    header = ", ".join([*forged, str(client), *hops])
    assert client == client_address("10.0.0.1", [header], PROXIES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", IPv4Address("192.0.2.1")),
        ("::ffff:192.0.2.1", IPv4Address("192.0.2.1")),
        ("::FFFF:C000:0201", IPv4Address("192.0.2.1")),
        ("fe80::1%lo", IPv6Address("fe80::1")),
        ("::ffff:192.0.2.1%1", IPv4Address("192.0.2.1")),
        ("192.0.2.1%lo", None),
        ("192.0.2.01", None),  # octal to some, decimal to others
        ("192.0.2", None),
        ("3221225985", None),
        ("0x7f.1", None),
        ("example.com", None),
        ("", None),
        ("192.0.2.1\n", None),
        ("١٩٢.0.2.1", None),
    ],
)
def test_parse_address(text: str, expected: Address | None) -> None:
    """One form for each address, and None for every notation that could mean another one."""
    assert expected == parse_address(text)


@pytest.mark.parametrize(
    ("entries", "address", "inside"),
    [
        (["192.0.2.0/24"], "192.0.2.255", True),
        (["192.0.2.0/24"], "192.0.3.0", False),
        (["192.0.2.7/24"], "192.0.2.1", True),  # host bits are ignored
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.7"], "192.0.2.8", False),
        (["192.0.2.0/255.255.255.0"], "192.0.2.9", True),
        (["0.0.0.0/0"], "203.0.113.1", True),
        (["0.0.0.0/0"], "2001:db8::1", False),
        (["::/0"], "203.0.113.1", False),
        (["2001:db8::/32"], "2001:db8:1::1", True),
        (["2001:db8::/33"], "2001:db8:8000::1", False),
        (["2001:db8::1"], "2001:db8::1", True),
        (["::ffff:192.0.2.0/120"], "192.0.2.3", True),
        (["::ffff:192.0.2.0/120"], "192.0.3.3", False),
        (["0.0.0.1"], "::1", False),  # equal as integers, not as addresses
        ([" 10.0.0.0/8 "], "10.1.2.3", True),
        ([], "10.1.2.3", False),
    ],
)
def test_networks(entries: list[str], address: str, inside: bool) -> None:
    """Masks of both families, single addresses, and no confusion between families."""
    assert inside == (ip_address(address) in Networks(entries))


@pytest.mark.parametrize("entry", ["", "10.0.0.0/33", "example.com", "10.0.0.0/8/8", "2001:db8::/129", "10.0.0"])
def test_networks_refuse_what_is_no_network(entry: str) -> None:
    """A bad entry is an error, not an empty set."""
    with pytest.raises(ValueError, match="does not appear to be"):
        Networks(["192.0.2.1", entry])


@given(
    address=st.ip_addresses(v=6) | st.ip_addresses(v=4),
    other=st.ip_addresses(v=6) | st.ip_addresses(v=4),
    mask=st.integers(0, 128),
)
def test_networks_agree_with_the_standard_library(address: Address, other: Address, mask: int) -> None:
    """`in` means the same as in `ipaddress` (v4-mapped ones aside, which the library keeps apart)."""
    if any(getattr(it, "ipv4_mapped", None) for it in (address, other)):
        return
    network = ip_network((other, min(mask, other.max_prefixlen)), strict=False)
    assert (address in network) == (address in Networks([str(network)]))
