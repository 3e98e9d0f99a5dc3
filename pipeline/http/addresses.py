"""Which addresses a customer's endpoint may have (server-side request forgery, docs/security.md).

Whoever can set a callback URL can make this system send a POST from inside the operator's network. So only global
unicast addresses are called, judged by number after resolution, never by how a host is spelled. The operator's
allow-list opens exceptions.
"""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, NamedTuple

from pipeline.errors import AddressNotAllowed, ConfigurationError
from pipeline.http.url import http_url
from schemas.urls import url_problem

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The IANA IPv4 special-purpose registry, spelled out: `ipaddress.is_global` differs between Python versions and
# calls some of these global.
_REFUSED_V4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent: a public number that only a virtual machine's own host answers
        "169.254.0.0/16",  # link-local, where clouds serve credentials
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunneling
        "192.88.99.0/24",  # 6to4 relay anycast
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

# IPv6 the other way round: only what IANA gives out as global unicast, without the blocks inside it that embed an
# IPv4 address or are not for hosts. ::/96, v4-mapped, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique local, link-local,
# site-local, discard-only and segment routing lie outside it.
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_REFUSED_V6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: embeds any IPv4 address
        "3fff::/20",  # documentation
    )
)


class _Allowed(NamedTuple):
    network: Network
    port: int | None

    def covers(self, address: Address, port: int) -> bool:
        return self.port in (None, port) and address.version == self.network.version and address in self.network


class AddressGuard:
    """Says which addresses may be called.

    `allowed` holds the operator's exceptions: `network` or `network:port`; IPv6 in brackets when a port follows
    (`[fd00::]/8:8443` is written `[fd00::/8]:8443`). Raises `ConfigurationError` for an entry that is none of these.
    """

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._allowed = tuple(_parse(entry) for entry in allowed)

    def permits(self, address: Address, port: int) -> bool:
        """Tell whether `port` of `address` may be called."""
        if isinstance(address, IPv6Address):
            if address.ipv4_mapped is not None:
                # The kernel connects to the IPv4 address inside, so that is what is judged.
                return self.permits(address.ipv4_mapped, port)
            if address.scope_id is None and address in _GLOBAL_V6 and not _in_any(address, _REFUSED_V6):
                return True
        elif not _in_any(address, _REFUSED_V4) and address.is_global:
            return True
        return any(entry.covers(address, port) for entry in self._allowed)

    def never_permits(self, host: str, port: int) -> bool:
        """Tell whether `host`, as it stands in a URL, can never be called: an address, or a name of this machine.

        What any other name resolves to may change, and is judged at each call.
        """
        if host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost"):  # RFC 6761 section 6.3
            return not any(self.permits(ip_address(loopback), port) for loopback in ("127.0.0.1", "::1"))
        try:
            return not self.permits(ip_address(host), port)
        except ValueError:
            return False

    def problem(self, url: str) -> str | None:
        """Say why a callback URL would never be called, or None; one that is no URL is not looked at."""
        if url_problem(url) is not None:
            return None
        called = http_url(url)
        if not self.never_permits(called.host, called.port):
            return None
        return (
            f"leads to {called.host}, which is not on the internet: nothing would ever be posted there. Enter an "
            "address that this system can reach from outside your network"
        )

    def check(self, host: str, addresses: Sequence[Address], port: int) -> None:
        """Raise `AddressNotAllowed` unless every one of `addresses`, to which `host` has resolved, may be called.

        All of them, because which one is connected to is decided later: a name that has a public and an internal
        address is an attack or a mistake, and neither should work now and then.
        """
        for address in addresses:
            if not self.permits(address, port):
                raise AddressNotAllowed(
                    f"{host} port {port} is at {address}, which is not a public address and not on the allow-list"
                )


def _in_any(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _parse(entry: str) -> _Allowed:
    try:
        if entry.startswith("["):
            network, bracket, after = entry[1:].partition("]")
            if not bracket or (after and not after.startswith(":")):
                raise ValueError("it does not go on as `]` or `]:port`")
            port = _port(after.removeprefix(":")) if after else None
        elif entry.count(":") == 1:
            network, _, text = entry.partition(":")
            port = _port(text)
        else:
            network, port = entry, None
        parsed = ip_network(network)
        if isinstance(parsed, IPv6Network) and parsed.network_address.ipv4_mapped is not None:
            raise ValueError("write an IPv4-mapped network as the IPv4 network it is")
    except ValueError as error:
        raise ConfigurationError(
            f"SMSOUT_CALLBACK_ALLOWED_ADDRESSES: {entry!r} is no `network` or `network:port`: {error}"
        ) from error
    return _Allowed(parsed, port)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise ValueError(f"{text!r} is no port")
    return int(text)


def literal(host: str) -> Address | None:
    """Return the address that a URL's host is, None when it is a name.

    `host` is the client's own reading of the URL, which has already made `0x7f.1` or `2130706433` into `127.0.0.1`.
    """
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
