"""A URL becomes connections to addresses that have been checked, and to no others.

Checking a name and then letting the HTTP client resolve it again would leave a gap: the name's owner answers the
check with a public address and the client, a moment later, with an internal one (DNS rebinding). There is no second
resolution here, by construction. The host is resolved once, by us, every address is checked, and then

* for http the URL's host is replaced by the checked address and the name travels in the Host header only;
* for https, where the name is needed for the certificate, a client is used that has the name nailed to the address.
  Building one costs 5 ms, because it reads the system's certificates, so the last few hundred are kept.

The spelling of the host is no way round either: the URL is parsed by the client's own parser.
"""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, NamedTuple

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.http import Url

from pipeline.callbacks.addresses import Address, AddressGuard, literal
from pipeline.errors import AddressNotAllowed, NotSent

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Resolves (host, port); raises `OSError` when there is no such name."""

FOLLOW_DNS_SECONDS: Final = 60.0  # a change of an endpoint's address is seen after at most this long
# A sick name server must not stop endpoints that are well: addresses that passed the check serve on for a while.
SERVE_STALE_SECONDS: Final = 600.0
ASK_AGAIN_SECONDS: Final = 5.0
MAX_HOSTS: Final = 8192  # remembered resolutions, a few hundred bytes each
MAX_PINNED_CLIENTS: Final = 256  # about 110 KB each
MAX_ADDRESSES: Final = 3  # tried in turn when one cannot be connected to

# The system resolver blocks a thread for as long as a name server is silent. These threads are for that alone, and
# one host holds at most one of them, so names that nobody answers for do not stop the others from being resolved.
_RESOLVER_THREADS: Final = 32
_resolver = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="resolver")


async def resolve_by_system(host: str, port: int) -> list[Address]:
    """Resolve with getaddrinfo, best address first (RFC 6724)."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(
        _resolver,
        # As bytes, because Python would refuse some names in its own IDNA step; the URL parser has done that already.
        lambda: socket.getaddrinfo(host.encode(), port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG),
    )
    return [ip_address(str(entry[4][0])) for entry in found]


class Route(NamedTuple):
    """Post to `url` with `client`; `host` is the Host header where the URL has an address in the name's place.

    `place` and `address` say what was resolved to what.
    """

    client: Client
    url: Url
    host: str | None = None
    place: tuple[str, int] | None = None
    address: Address | None = None


@dataclass(slots=True)
class _Known:
    """What one host's name was resolved to: addresses that passed the check, or why none may be called."""

    addresses: list[Address]
    refusal: str | None
    resolved_at: float
    until: float


class CheckedRoutes:
    """Finds the routes to an endpoint. `shared` is for http and addresses, `builder` for pinned https clients."""

    def __init__(
        self,
        guard: AddressGuard,
        shared: Client,
        builder: Callable[[], ClientBuilder],
        *,
        resolve: Resolve,
        timeout_seconds: float,
    ) -> None:
        self._guard = guard
        self._shared = shared
        self._builder = builder
        self._resolve = resolve
        self._timeout_seconds = timeout_seconds
        self._known: OrderedDict[tuple[str, int], _Known] = OrderedDict()
        self._resolving: dict[tuple[str, int], asyncio.Task[_Known]] = {}
        self._pinned: OrderedDict[tuple[str, Address], Client] = OrderedDict()

    async def to(self, url: Url) -> list[Route]:
        """Return at least one route to `url`, the best first.

        Raises `AddressNotAllowed` when the URL has user info or any of the host's addresses must not be called, and
        `NotSent` when the name cannot be resolved in time.
        """
        if url.username or url.password is not None:
            raise AddressNotAllowed("the URL has a user name or password in it")
        place = (str(url.host_str), url.port_or_known_default or 0)
        known = self._known.get(place)
        if known is None or known.until < asyncio.get_running_loop().time():
            known = await self._resolved_again(place, known)
        else:
            self._known.move_to_end(place)
        if known.refusal is not None:
            raise AddressNotAllowed(known.refusal)
        if url.domain is None:
            return [Route(self._shared, url)]
        if url.scheme == "http":
            return [Route(self._shared, url.with_ip_host(str(a)), url.authority, place, a) for a in known.addresses]
        return [Route(self._client_pinned(place[0], a), url, None, place, a) for a in known.addresses]

    def demote(self, route: Route) -> None:
        """Try this host's other addresses first from now on: `route` could not be connected to."""
        known = self._known.get(route.place) if route.place else None
        if known is not None and route.address in known.addresses:
            known.addresses.remove(route.address)
            known.addresses.append(route.address)

    async def _resolved_again(self, place: tuple[str, int], stale: _Known | None) -> _Known:
        """Resolve and check; callers that ask at the same time share one resolution, which outlives their wait."""
        loop = asyncio.get_running_loop()
        usable = stale is not None and loop.time() - stale.resolved_at < SERVE_STALE_SECONDS
        wait_seconds = min(1.0, self._timeout_seconds) if usable else self._timeout_seconds
        try:
            async with asyncio.timeout(wait_seconds):
                return await asyncio.shield(self._resolution_of(place))
        except OSError as error:  # TimeoutError is one too
            if stale is not None and usable:
                stale.until = loop.time() + ASK_AGAIN_SECONDS
                return stale
            problem = f"did not resolve within {wait_seconds:g} s" if isinstance(error, TimeoutError) else "is unknown"
            raise NotSent(f"the name {place[0]} {problem}: {error.strerror or error}".rstrip(": ")) from error

    def _resolution_of(self, place: tuple[str, int]) -> asyncio.Task[_Known]:
        task = self._resolving.get(place)
        if task is None:
            task = self._resolving[place] = asyncio.create_task(self._resolve_and_check(*place))
            task.add_done_callback(lambda done: self._resolution_ended(place, done))
        return task

    def _resolution_ended(self, place: tuple[str, int], task: asyncio.Task[_Known]) -> None:
        del self._resolving[place]
        if not task.cancelled():
            task.exception()  # asked for, so that asyncio does not report it when every caller has stopped waiting

    async def _resolve_and_check(self, host: str, port: int) -> _Known:
        given = literal(host)
        addresses = [given] if given is not None else list(dict.fromkeys(await self._resolve(host, port)))
        if not addresses:
            raise OSError("no address")
        refusal = None
        try:
            self._guard.check(host, addresses, port)
        except AddressNotAllowed as error:
            addresses, refusal = [], str(error)
        # An address that has a client already comes first: names that rotate would have us build one each minute.
        addresses.sort(key=lambda address: (host, address) not in self._pinned)
        now = asyncio.get_running_loop().time()
        known = self._known[(host, port)] = _Known(addresses[:MAX_ADDRESSES], refusal, now, now + FOLLOW_DNS_SECONDS)
        self._known.move_to_end((host, port))
        if len(self._known) > MAX_HOSTS:
            self._known.popitem(last=False)
        return known

    def _client_pinned(self, host: str, address: Address) -> Client:
        client = self._pinned.get((host, address))
        if client is None:
            # The port given here does not count, the URL's does. A second address would replace the first.
            client = self._pinned[(host, address)] = self._builder().resolve(host, str(address), 0).build()
            if len(self._pinned) > MAX_PINNED_CLIENTS:
                # Not closed: POSTs that still use it hold it, and the last one to end closes its connections.
                self._pinned.popitem(last=False)
        else:
            self._pinned.move_to_end((host, address))
        return client

    def close(self) -> None:
        """Forget everything; pinned clients close with the last POST that uses them."""
        for task in list(self._resolving.values()):
            task.cancel()
        self._pinned.clear()
        self._known.clear()
