"""How many connections a server holds: in all, and for each client address, so that idle ones take nobody's place.

Where a bound is met, connections that wait for a request are closed for the new one, those first that have never sent
any, then those that have waited longest. Only when none of them waits the new one is turned away.
"""

import resource
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from ipaddress import IPv6Address
from typing import Final, Protocol

import structlog

from pipeline.http.client_address import Networks, parse_address
from pipeline.metrics import HTTP_CONNECTIONS, HTTP_CONNECTIONS_CLOSED, HTTP_CONNECTIONS_REFUSED

SPARE_FILES: Final = 192
"""What a process needs beside its clients: the broker's connections, disk, /metrics and /healthz, and those that are
just being turned away."""
SAY_AGAIN_SECONDS: Final = 10.0
_CLOSED_AT_ONCE: Final = 50
"""A fiftieth of the bound is freed together: whoever floods must not make us look through all of them each time."""

log = structlog.get_logger(__name__)


class Bound(StrEnum):
    """Which bound is met."""

    ALL = "all"
    ADDRESS = "address"


class Held(Protocol):
    """A connection, as far as its place is concerned."""

    def idle_rank(self) -> tuple[bool, float] | None:
        """Return what to sort by, the first to go at the front; None while it works on a request."""

    def force_close(self) -> None:
        """End it at once."""


def affordable(wanted: int) -> int:
    """Return how many connections leave `SPARE_FILES` free, raising this process's limit of open files where it may.

    At least one, at most `wanted`; a log line says when it is less.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        reachable = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
        soft = reachable
    found = wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - SPARE_FILES))
    if found < wanted:
        log.warning("fewer_connections_than_wanted", wanted=wanted, possible=found, open_files=soft)
    return found


class Connections:
    """The connections of one server. `exempt` are addresses that stand for many: those of trusted proxies."""

    def __init__(
        self,
        server: str,
        limit: int,
        limit_per_address: int,
        exempt: Networks | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._limit_per_address = limit_per_address
        self._exempt = Networks([]) if exempt is None else exempt
        self._server = server
        self._clock = clock
        self.turned_away = 0
        """How many that were turned away still get to read why."""
        self._by_address: dict[str, dict[Held, None]] = {}
        """The oldest first."""
        self._address_of: dict[Held, str] = {}
        self._said_at = dict.fromkeys(Bound, float("-inf"))
        self._unsaid = dict.fromkeys(Bound, 0)
        self._refused = {bound: HTTP_CONNECTIONS_REFUSED.labels(server, bound.value) for bound in Bound}
        self._closed = {bound: HTTP_CONNECTIONS_CLOSED.labels(server, bound.value) for bound in Bound}
        self._open = HTTP_CONNECTIONS.labels(server)
        self._open.set(0)

    def __len__(self) -> int:
        return len(self._address_of)

    def admit(self, connection: Held, peer: str | None) -> Bound | None:
        """Take in a connection from `peer`, or return the bound that leaves no room for it."""
        address = _household(peer)
        neighbours = self._by_address.get(address, {})
        if len(neighbours) >= self._limit_per_address and not self._is_exempt(peer):
            self._say(Bound.ADDRESS, peer)
            if not self._close_some(neighbours, Bound.ADDRESS, self._limit_per_address):
                return self._refuse(Bound.ADDRESS)
        if len(self) >= self._limit:
            self._say(Bound.ALL, peer)
            if not self._close_some(self._address_of, Bound.ALL, self._limit):
                return self._refuse(Bound.ALL)
        self._by_address.setdefault(address, {})[connection] = None
        self._address_of[connection] = address
        self._open.set(len(self))
        return None

    def release(self, connection: Held) -> None:
        """Give back the place of a connection that has ended; one that has none is left alone."""
        address = self._address_of.pop(connection, None)
        if address is None:
            return
        neighbours = self._by_address[address]
        del neighbours[connection]
        if not neighbours:
            del self._by_address[address]
        self._open.set(len(self))

    def _is_exempt(self, peer: str | None) -> bool:
        address = parse_address(peer) if peer else None
        return address is not None and address in self._exempt

    def _close_some(self, held: Iterable[Held], bound: Bound, limit: int) -> int:
        waiting = [(rank, n, it) for n, it in enumerate(held) if (rank := it.idle_rank()) is not None]
        waiting.sort(key=lambda it: it[:2])
        closing = waiting[: max(1, limit // _CLOSED_AT_ONCE)]
        for _, _, connection in closing:
            self.release(connection)
            connection.force_close()
        self._closed[bound].inc(len(closing))
        return len(closing)

    def _refuse(self, bound: Bound) -> Bound:
        self._refused[bound].inc()
        return bound

    def _say(self, bound: Bound, peer: str | None) -> None:
        now = self._clock()
        if now - self._said_at[bound] < SAY_AGAIN_SECONDS:
            self._unsaid[bound] += 1
            return
        log.warning(
            "connections_at_their_limit",
            server=self._server,
            bound=bound.value,
            limit=self._limit if bound is Bound.ALL else self._limit_per_address,
            address=peer,
            since_the_last_line=self._unsaid[bound],
        )
        self._said_at[bound], self._unsaid[bound] = now, 0


def _household(peer: str | None) -> str:
    """Return what counts as one address: of IPv6 a /64, which one customer has."""
    address = parse_address(peer) if peer else None
    if isinstance(address, IPv6Address):
        return f"{int(address) >> 64:x}"
    return str(address)
