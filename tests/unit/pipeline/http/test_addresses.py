"""Which addresses a customer's endpoint may have."""

from ipaddress import ip_address

import pytest

from pipeline.errors import AddressNotAllowed, ConfigurationError
from pipeline.http.addresses import AddressGuard, literal

REFUSED = [
    "0.0.0.0",  # noqa: S104  # nothing is bound to it
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.1.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
]
PERMITTED = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450:4001:80b::200e",
    "3ffe:ffff::1",
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_global_unicast_is_refused(address: str) -> None:
    """Private, special, translated and embedding addresses are refused, on any port."""
    assert AddressGuard().permits(ip_address(address), 443) is False


@pytest.mark.parametrize("address", PERMITTED)
def test_a_public_address_is_permitted(address: str) -> None:
    """The neighbours of the refused blocks are public and stay callable."""
    assert AddressGuard().permits(ip_address(address), 443) is True


@pytest.mark.parametrize(
    ("entry", "address", "port", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", 8080, True),
        ("127.0.0.1", "127.0.0.2", 8080, False),
        ("127.0.0.1", "::ffff:127.0.0.1", 8080, True),
        ("10.1.0.0/16", "10.1.255.1", 1, True),
        ("10.1.0.0/16", "10.2.0.1", 1, False),
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.0.0.1:8080", "127.0.0.1", 8081, False),
        ("10.0.0.0/8:443", "10.9.9.9", 443, True),
        ("::1", "::1", 80, True),
        ("::1", "::2", 80, False),
        ("fd00::/8", "fd12::1", 80, True),
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]:8080", "::1", 8081, False),
        ("[fd00::/8]:8443", "fd00::5", 8443, True),
        ("[fd00::/8]", "fd00::5", 8443, True),
        ("0.0.0.0/0", "::1", 80, False),
        ("64:ff9b::/96", "64:ff9b::7f00:1", 80, True),
    ],
)
def test_the_allow_list_opens_what_it_names_and_no_more(entry: str, address: str, port: int, expected: bool) -> None:
    """An entry counts for its network and, if it names one, its port."""
    assert AddressGuard([entry]).permits(ip_address(address), port) is expected


@pytest.mark.parametrize(
    "entry",
    [
        "localhost",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:８０",
        "10.0.0.1/8",
        "[::1]8080",
        "[::1",
        "::1]:80",
        "::ffff:127.0.0.1",
        "",
        "*",
    ],
)
def test_an_entry_that_is_no_network_is_an_error_at_the_start(entry: str) -> None:
    """A typing mistake must not silently open nothing, or too much; the message names the setting."""
    with pytest.raises(ConfigurationError, match="SMSOUT_CALLBACK_ALLOWED_ADDRESSES"):
        AddressGuard([entry])


def test_one_refused_address_refuses_the_host() -> None:
    """A host with a public and an internal address is refused whichever comes first."""
    guard = AddressGuard()
    public, internal = ip_address("8.8.8.8"), ip_address("127.0.0.1")
    guard.check("fine.example", [public], 443)
    for addresses in ([public, internal], [internal, public]):
        with pytest.raises(AddressNotAllowed, match=r"both\.example port 443 is at 127\.0\.0\.1"):
            guard.check("both.example", addresses, 443)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("example.org", None), ("1.example", None)],
)
def test_a_host_is_an_address_or_a_name(host: str, expected: str | None) -> None:
    """Brackets are taken off; what is no address is a name."""
    assert (expected and ip_address(expected)) == literal(host)
