"""One POST over a kept-alive connection, and the truth about how it failed.

A POST is sent at most once. What matters when it brings no answer is whether the other side can have seen any of it:
`NotSent` says it cannot, `InDoubt` that it may. The line is where the first byte is written: name, TCP and TLS come
before it, everything else after (pipeline/http/connection.py). A head that came in time is an answer, whatever becomes
of its body; `Answer.cut_short` says that, and the caller whether that matters.

Redirects are never followed: a 3xx is an answer like any other. Nothing of an answer or of the machine's environment
(cookies, proxies) travels with a request.
"""

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from pipeline.errors import AddressNotAllowed, NotSent
from pipeline.http.addresses import Address, AddressGuard
from pipeline.http.answer import Answer
from pipeline.http.connection import Connection
from pipeline.http.pinning import CheckedAddresses, Resolve, resolve_by_system
from pipeline.http.url import HttpUrl, http_url

__all__ = ["Answer", "HttpPoster"]

# Below the idle time-out of common servers (5 s is the shortest usual one), so that a request seldom meets a
# connection that the other side is just closing: that would leave it in doubt.
IDLE_SECONDS: Final = 4.0
# With less time than this another address is not worth a try.
_WORTH_ANOTHER_TRY_SECONDS: Final = 0.5


class _Idle(NamedTuple):
    connection: Connection
    address: Address
    since: float


class HttpPoster:
    """Posts over a pool of kept-alive HTTP/1.1 connections.

    At most `max_connections` POSTs are open at once; a further one waits for `connect_timeout_seconds` and is then
    `NotSent`. With a `guard` every address is checked before it is connected to (pipeline/http/pinning.py);
    without one the URL is the operator's own and is taken as it is. `resolve` is for tests.
    """

    def __init__(
        self,
        *,
        timeout_seconds: float,
        connect_timeout_seconds: float,
        max_answer_bytes: int,
        max_connections: int,
        guard: AddressGuard | None = None,
        resolve: Resolve = resolve_by_system,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._connect_timeout_seconds = connect_timeout_seconds
        self._max_answer_bytes = max_answer_bytes
        self._max_connections = max_connections
        self._addresses = CheckedAddresses(guard, resolve=resolve, timeout_seconds=connect_timeout_seconds)
        self._free = max_connections
        self._queue: deque[asyncio.Future[None]] = deque()
        self._open: set[Connection] = set()
        self._idle: dict[str, list[_Idle]] = {}
        """By origin, and by who we are there; the one that was used last at the end."""
        self._sweeping: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None

    def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout_seconds: float | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Coroutine[Any, Any, Answer]:
        """Send one POST; return the answer, whatever its status.

        `tls` says whom to trust and who we are, where that is not as usual; the same context for the same carrier.
        `timeout_seconds` is from here to the end of the answer; one whose head is there by then is returned as it is.
        Raises `NotSent`, `InDoubt` when no head of an answer has come, or `AddressNotAllowed`
        for a URL that cannot or must not be called. No error's message holds the URL's path or query.
        """
        return self._ask("POST", url, headers, body, timeout_seconds, tls)

    def get(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout_seconds: float | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Coroutine[Any, Any, Answer]:
        """Send one GET. Raises as `post` does."""
        return self._ask("GET", url, headers, None, timeout_seconds, tls)

    async def reach(self, url: str, *, tls: ssl.SSLContext | None = None) -> bool:
        """Tell whether a connection to where `url` leads can be made now; it is kept for the next POST."""
        loop = asyncio.get_running_loop()
        target = http_url(url)
        try:
            addresses = await self._addresses.of((target.host, target.port))
            found = await self._connect(target, addresses, loop.time() + self._connect_timeout_seconds, tls)
        except (NotSent, AddressNotAllowed):
            return False
        self._keep(_pool(target, tls), *found, loop)
        return True

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_seconds: float | None,
        tls: ssl.SSLContext | None,
    ) -> Answer:
        loop = asyncio.get_running_loop()
        now = loop.time()
        deadline = now + (self._timeout_seconds if timeout_seconds is None else timeout_seconds)
        target = http_url(url)
        host_port = (target.host, target.port)
        request = _request(method, target, headers, body)
        if self._free:
            self._free -= 1
        else:
            await self._wait_for_turn(loop)
            now = loop.time()
        try:
            addresses = self._addresses.known(host_port, now)
            if not addresses:
                addresses = await self._addresses.of(host_port)
                now = loop.time()
            pool = target.origin if tls is None else _pool(target, tls)
            found = self._take_idle(pool, addresses, now)
            if found is None:
                found = await self._connect(target, addresses, deadline, tls)
                now = loop.time()
            connection, address = found
            if now >= deadline:
                self._keep(pool, connection, address, loop)
                raise NotSent("no time was left to send it")
            answer = await connection.ask(request, deadline, loop)
            if connection.usable:
                self._keep(pool, connection, address, loop)
            return answer
        finally:
            self._next_turn()

    # Turns: how many are open at once.

    async def _wait_for_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        turn: asyncio.Future[None] = loop.create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(self._connect_timeout_seconds):
                await turn
        except TimeoutError as error:
            if turn.done() and not turn.cancelled():
                self._next_turn()  # it came in the very moment in which we gave up
            raise NotSent(f"all {self._max_connections} connections are busy") from error
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._next_turn()
            raise

    def _next_turn(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    # Connections.

    async def _connect(
        self, target: HttpUrl, addresses: list[Address], deadline: float, tls: ssl.SSLContext | None
    ) -> tuple[Connection, Address]:
        """Return a new connection to the first address that takes one. Raises `NotSent`."""
        loop = asyncio.get_running_loop()
        tried = list(addresses)
        for address in tried:
            seconds = min(self._connect_timeout_seconds, deadline - loop.time())
            try:
                return await self._connect_to(target, address, seconds, tls), address
            except NotSent:
                self._addresses.demote((target.host, target.port), address)
                if address is tried[-1] or deadline - loop.time() < _WORTH_ANOTHER_TRY_SECONDS:
                    raise
        raise NotSent("no address is left")

    async def _connect_to(
        self, target: HttpUrl, address: Address, seconds: float, tls: ssl.SSLContext | None
    ) -> Connection:
        if seconds <= 0:
            raise NotSent("no time was left to connect")
        if target.tls and tls is None and self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._max_answer_bytes, self._open.discard),
                    str(address),
                    target.port,
                    ssl=(tls or self._tls) if target.tls else None,
                    # Without the dot that ends a full name: certificates are not written with it.
                    server_hostname=target.host.removesuffix(".") if target.tls else None,
                )
        except TimeoutError as error:
            raise NotSent(f"could not connect within {seconds:.3g} s") from error
        except ssl.SSLError as error:
            raise NotSent(f"TLS: {getattr(error, 'verify_message', None) or error.reason or error}") from error
        except OSError as error:
            raise NotSent(f"could not connect: {os.strerror(error.errno) if error.errno else error}") from error
        self._open.add(connection)
        return connection

    def _take_idle(self, pool: str, addresses: list[Address], now: float) -> tuple[Connection, Address] | None:
        kept = self._idle.get(pool)
        while kept:
            connection, address, since = kept.pop()  # the one that was used last: the others may go
            if (
                connection.usable
                and now - since < IDLE_SECONDS
                and address in addresses
                and not connection.has_hung_up()
            ):
                return connection, address
            connection.close()
        return None

    def _keep(self, pool: str, connection: Connection, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        if len(self._open) > 2 * self._max_connections:
            connection.close()  # many endpoints, seldom called: what lies idle is bounded too
            return
        idle = _Idle(connection, address, loop.time())
        kept = self._idle.get(pool)
        if kept is None:
            self._idle[pool] = [idle]
        else:
            kept.append(idle)
        if self._sweeping is None:
            self._sweeping = loop.call_later(IDLE_SECONDS / 4, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what was idle for too long; the oldest come first."""
        horizon = loop.time() - IDLE_SECONDS
        for origin, kept in list(self._idle.items()):
            while kept and (kept[0].since < horizon or not kept[0].connection.usable):
                kept.pop(0).connection.close()
            if not kept:
                del self._idle[origin]
        self._sweeping = loop.call_later(IDLE_SECONDS / 4, self._sweep, loop) if self._idle else None

    async def close(self) -> None:
        """Close all connections; POSTs still open become `InDoubt`."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._addresses.close()
        self._idle.clear()
        for connection in list(self._open):
            connection.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while self._open:  # noqa: ASYNC110  # the loop tells each connection that it is lost
                    await asyncio.sleep(0)


def _pool(target: HttpUrl, tls: ssl.SSLContext | None) -> str:
    """Return what connections share: one that was made as somebody else, or on other trust, is another one."""
    return target.origin if tls is None else f"{target.origin} {id(tls)}"


def _request(method: str, target: HttpUrl, headers: Mapping[str, str], body: bytes | None) -> bytes:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers):
        raise ValueError("a header with a line break")
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    head = f"{method} {target.target} HTTP/1.1\r\nHost: {target.authority}\r\nUser-Agent: smsout\r\n{lines}{length}\r\n"
    return head.encode("latin-1") + (body or b"")
