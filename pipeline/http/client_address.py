"""Which address a request comes from, and whether it is in a list of networks.

Behind a proxy the peer is the proxy, and `X-Forwarded-For` says for whom it speaks; anybody can send that header, so
only the part that trusted proxies have added counts. Addresses are compared in one form: IPv4 inside IPv6
(RFC 4291 section 2.5.5.2) is IPv4, and zone ids (RFC 4007 section 11) are dropped.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address

_LONGEST: Final = 64  # an IPv6 address with a zone id; longer texts are not looked at, and not kept in the cache
# Some proxies add the port: `192.0.2.1:5678`, `[2001:db8::1]:5678`.
_WITH_PORT: Final = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<v4>[0-9.]+))(?::[0-9]{1,5})?")


class Networks:
    """A set of IPv4 and IPv6 networks; the cost of `in` grows with the number of different mask lengths only.

    Entries are `address[/mask]`; bits below the mask are ignored. Raises `ValueError` for one that is none.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._prefixes: dict[tuple[int, int], set[int]] = {}
        for entry in entries:
            network = _unmapped(ip_network(entry.strip(), strict=False))
            shift = network.max_prefixlen - network.prefixlen
            self._prefixes.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)

    def __bool__(self) -> bool:
        return bool(self._prefixes)

    def __contains__(self, address: Address) -> bool:
        value, version = int(address), address.version
        return any(value >> shift in prefixes for (of, shift), prefixes in self._prefixes.items() if of == version)


def parse_address(text: str) -> Address | None:
    """Return the address that `text` is, in the form that is compared, or None when it is none."""
    return _parse(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0] if ":" in text else text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        inner = network.network_address.ipv4_mapped
        if inner is not None:
            return IPv4Network((inner, network.prefixlen - 96))
    return network


def client_address(peer: str | None, forwarded_for: Sequence[str], trusted: Networks) -> Address | None:
    """Return the client's address, or None when it cannot be known.

    `forwarded_for` holds the values of all X-Forwarded-For lines in the order of the request. Read from the right,
    each hop vouches for the next as long as it is trusted; the first that is not is the client. Anything on the way
    that is no address makes the answer None: whoever wrote it is not to be believed. Empty members of the list are none
    (RFC 9110 section 5.6.1).
    """
    address = parse_address(peer) if peer else None
    if address is None or not forwarded_for or address not in trusted:
        return address
    for hop in reversed(",".join(forwarded_for).split(",")):
        if not (written := hop.strip(" \t")):
            continue
        address = _parse_hop(written)
        if address is None or address not in trusted:
            return address
    return address


def _parse_hop(text: str) -> Address | None:
    found = _WITH_PORT.fullmatch(text)
    return parse_address((found["v6"] or found["v4"]) if found else text)
