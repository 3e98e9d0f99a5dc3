"""One POST over a kept-alive connection, and the truth about how it failed.

A POST is sent at most once. What matters when it brings no answer is whether the other side can have seen any of it:
`NotSent` says it cannot, `InDoubt` that it may. The client's exception classes do not tell (a server that has read
the request and closed gives a `ConnectError`, one that hangs a `ConnectTimeoutError`); its chain of causes does:
only a failure inside `client error (Connect)`, which covers name, TCP and TLS, comes before the first byte of the
request. tests/unit/pipeline/test_http_poster.py runs every case.

An answer that breaks off or does not end in time is in doubt although its status line may have arrived: the client
does not tell that status, and having it read the head and the body one after the other would make every POST a tenth
dearer for the sake of a rare case that `InDoubt` describes correctly.

Redirects are never followed: a 3xx is an answer like any other.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError
from pyreqwest.http import Url

from pipeline.callbacks.addresses import AddressGuard
from pipeline.callbacks.pinning import CheckedRoutes, Resolve, Route, resolve_by_system
from pipeline.errors import AddressNotAllowed, InDoubt, NotSent

# Below the idle time-out of common servers (5 s is the shortest usual one), so that a request seldom meets a
# connection that the other side is just closing: that would leave it in doubt.
IDLE_SECONDS: Final = 4.0
# With less time than this another address is not worth a try.
_WORTH_ANOTHER_TRY_SECONDS: Final = 0.5
_NOTICEABLE_SECONDS: Final = 0.05  # the client's own limit is as good as one that differs by less
_BEFORE_FIRST_BYTE: Final = "client error (Connect)"


class Answer(NamedTuple):
    """An answer's status, its body up to `max_answer_bytes`, and its `Retry-After`."""

    status: int
    body: bytes
    retry_after: str | None


class HttpPoster:
    """Posts over a pool of kept-alive HTTP/1.1 connections.

    At most `max_connections` POSTs are open at once; a further one waits for `connect_timeout_seconds` and is then
    `NotSent`. With a `guard` every address is checked before it is connected to (pipeline/callbacks/pinning.py);
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
        self._slots = asyncio.Semaphore(max_connections)
        self._client = self._builder().build()
        self._checked: CheckedRoutes | None = None
        if guard is not None:
            self._checked = CheckedRoutes(
                guard, self._client, self._builder, resolve=resolve, timeout_seconds=connect_timeout_seconds
            )

    def _builder(self) -> ClientBuilder:
        return (
            ClientBuilder()
            .http1_only()
            .follow_redirects(False)
            .no_proxy()
            .default_cookie_store(False)
            .referer(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .user_agent("smsout")
            .connect_timeout(timedelta(seconds=self._connect_timeout_seconds))
            .timeout(timedelta(seconds=self._timeout_seconds))
            .pool_idle_timeout(timedelta(seconds=IDLE_SECONDS))
            .pool_max_idle_per_host(self._max_connections)
        )

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_seconds: float | None = None
    ) -> Answer:
        """Send one POST; return the answer, whatever its status.

        `timeout_seconds` is from here to the end of the answer. Raises `NotSent`, `InDoubt`, or `AddressNotAllowed`
        for a URL that cannot or must not be called. No error's message holds the URL's path or query.
        """
        return await self._ask("POST", url, headers, body, timeout_seconds)

    async def get(self, url: str, headers: Mapping[str, str], *, timeout_seconds: float | None = None) -> Answer:
        """Send one GET, for questions that may be repeated. Raises as `post` does."""
        return await self._ask("GET", url, headers, None, timeout_seconds)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout_seconds: float | None
    ) -> Answer:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._timeout_seconds if timeout_seconds is None else timeout_seconds)
        target = endpoint(url)
        if self._slots.locked():
            await self._wait_for_slot()
        else:
            await self._slots.acquire()
        try:
            if self._checked is None:
                return await self._send(method, Route(self._client, target), headers, body, deadline - loop.time())
            routes = await self._checked.to(target)
            for route in routes[:-1]:
                try:
                    return await self._send(method, route, headers, body, deadline - loop.time())
                except NotSent:
                    self._checked.demote(route)
                    if deadline - loop.time() < _WORTH_ANOTHER_TRY_SECONDS:
                        raise
            return await self._send(method, routes[-1], headers, body, deadline - loop.time())
        finally:
            self._slots.release()

    async def _wait_for_slot(self) -> None:
        try:
            async with asyncio.timeout(self._connect_timeout_seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            raise NotSent(f"all {self._max_connections} connections are busy") from error

    async def _send(
        self, method: str, route: Route, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Answer:
        if seconds <= 0:
            raise NotSent("no time was left to connect")
        request = route.client.request(method, route.url).headers(headers)
        if route.host is not None:
            request = request.header("Host", route.host)
        if abs(seconds - self._timeout_seconds) > _NOTICEABLE_SECONDS:
            request = request.timeout(timedelta(seconds=seconds))
        if body is not None:
            request = request.body_bytes(body)
        try:
            # Entering reads as far as the limit; what is left unread at the end closes the connection.
            async with request.streamed_read_buffer_limit(self._max_answer_bytes).build_streamed() as response:
                content = await response.body_reader.read(self._max_answer_bytes)
                return Answer(response.status, bytes(content or b""), response.get_header("retry-after"))
        except DetailedPyreqwestError as error:
            raise _classified(error) from error

    async def close(self) -> None:
        """Close all connections; POSTs still open become `InDoubt`."""
        if self._checked is not None:
            self._checked.close()
        await self._client.close()


@lru_cache(maxsize=8192)
def endpoint(url: str) -> Url:
    """Parse a URL that can be posted to.

    The parser is the client's own, so what is checked is what is called. Raises `AddressNotAllowed`.
    """
    try:
        parsed = Url(url)
    except ValueError as error:
        raise AddressNotAllowed(f"not a URL: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host_str or not parsed.port_or_known_default:
        raise AddressNotAllowed(f"not an http or https URL with a host: its scheme is {parsed.scheme!r}")
    return parsed


def _classified(error: DetailedPyreqwestError) -> NotSent | InDoubt:
    causes = [cause["message"] for cause in error.details["causes"] or ()]
    # The outermost one repeats the whole URL, which may carry a customer's secret in its query.
    words = " > ".join(cause for cause in causes if " for url (" not in cause) or error.message
    return NotSent(words) if _BEFORE_FIRST_BYTE in causes else InDoubt(words)
