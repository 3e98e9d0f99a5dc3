"""A host becomes addresses that have been checked, and connections go to no others.

Checking a name and then letting an HTTP client resolve it again would leave a gap: the name's owner answers the check
with a public address and the client, a moment later, with an internal one (DNS rebinding). There is no second
resolution here, by construction: the host is resolved once, by us, every address is checked, and connections are made
to these addresses; the name itself goes only into the Host header and, for https, into the check of the certificate.
"""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from pipeline.errors import AddressNotAllowed, NotSent
from pipeline.http.addresses import Address, AddressGuard, literal

HostPort = tuple[str, int]
"""Host and port."""

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Resolves (host, port); raises `OSError` when there is no such name."""

FOLLOW_DNS_SECONDS: Final = 60.0  # a change of an endpoint's address is seen after at most this long
# A sick name server must not stop endpoints that are well: addresses that passed the check serve on for a while.
SERVE_STALE_SECONDS: Final = 600.0
ASK_AGAIN_SECONDS: Final = 5.0
MAX_HOSTS: Final = 8192  # remembered resolutions, a few hundred bytes each
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
        # As bytes: Python's own IDNA step would refuse some names that are fine, and there is nothing to encode.
        lambda: socket.getaddrinfo(host.encode(), port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG),
    )
    return [ip_address(str(entry[4][0])) for entry in found]


@dataclass(slots=True)
class _Known:
    """What one host's name was resolved to: addresses that passed the check, or why none may be called."""

    addresses: list[Address]
    refusal: str | None
    resolved_at: float
    until: float


class CheckedAddresses:
    """Finds the addresses of an endpoint. Without a `guard` the URL is the operator's own: any address will do."""

    def __init__(self, guard: AddressGuard | None, *, resolve: Resolve, timeout_seconds: float) -> None:
        self._guard = guard
        self._resolve = resolve
        self._timeout_seconds = timeout_seconds
        self._known: OrderedDict[HostPort, _Known] = OrderedDict()
        self._resolving: dict[HostPort, asyncio.Task[_Known]] = {}

    def known(self, host_port: HostPort, now: float) -> list[Address] | None:
        """Return what `of` would, where no name has to be resolved for it; `now` is the loop's time.

        None and an empty list say nothing more than that it has to be asked.
        """
        known = self._known.get(host_port)
        if known is None or known.until < now:
            return None
        self._known.move_to_end(host_port)
        return known.addresses

    async def of(self, host_port: HostPort) -> list[Address]:
        """Return at least one address of `host_port`, the best first.

        Raises `AddressNotAllowed` when any of them must not be called, and `NotSent` when the name cannot be resolved
        in time.
        """
        known = self._known.get(host_port)
        if known is None or known.until < asyncio.get_running_loop().time():
            known = await self._resolved_again(host_port, known)
        else:
            self._known.move_to_end(host_port)
        if known.refusal is not None:
            raise AddressNotAllowed(known.refusal)
        return known.addresses

    def demote(self, host_port: HostPort, address: Address) -> None:
        """Try this host's other addresses first from now on: `address` could not be connected to."""
        known = self._known.get(host_port)
        if known is not None and address in known.addresses:
            known.addresses.remove(address)
            known.addresses.append(address)

    async def _resolved_again(self, host_port: HostPort, stale: _Known | None) -> _Known:
        """Resolve and check; callers that ask at the same time share one resolution, which outlives their wait."""
        loop = asyncio.get_running_loop()
        usable = stale is not None and loop.time() - stale.resolved_at < SERVE_STALE_SECONDS
        wait_seconds = min(1.0, self._timeout_seconds) if usable else self._timeout_seconds
        try:
            async with asyncio.timeout(wait_seconds):
                return await asyncio.shield(self._resolution_of(host_port))
        except OSError as error:  # TimeoutError is one too
            if stale is not None and usable:
                stale.until = loop.time() + ASK_AGAIN_SECONDS
                return stale
            problem = f"did not resolve within {wait_seconds:g} s" if isinstance(error, TimeoutError) else "is unknown"
            raise NotSent(f"the name {host_port[0]} {problem}: {error.strerror or error}".rstrip(": ")) from error

    def _resolution_of(self, host_port: HostPort) -> asyncio.Task[_Known]:
        task = self._resolving.get(host_port)
        if task is None:
            task = self._resolving[host_port] = asyncio.create_task(self._resolve_and_check(*host_port))
            task.add_done_callback(lambda done: self._resolution_ended(host_port, done))
        return task

    def _resolution_ended(self, host_port: HostPort, task: asyncio.Task[_Known]) -> None:
        del self._resolving[host_port]
        if not task.cancelled():
            task.exception()  # asked for, so that asyncio does not report it when every caller has stopped waiting

    async def _resolve_and_check(self, host: str, port: int) -> _Known:
        given = literal(host)
        addresses = [given] if given is not None else list(dict.fromkeys(await self._resolve(host, port)))
        if not addresses:
            raise OSError("no address")
        refusal = None
        if self._guard is not None:
            try:
                self._guard.check(host, addresses, port)
            except AddressNotAllowed as error:
                addresses, refusal = [], str(error)
        now = asyncio.get_running_loop().time()
        known = self._known[(host, port)] = _Known(addresses[:MAX_ADDRESSES], refusal, now, now + FOLLOW_DNS_SECONDS)
        self._known.move_to_end((host, port))
        if len(self._known) > MAX_HOSTS:
            self._known.popitem(last=False)
        return known

    def close(self) -> None:
        """Forget everything."""
        for task in list(self._resolving.values()):
            task.cancel()
        self._known.clear()
