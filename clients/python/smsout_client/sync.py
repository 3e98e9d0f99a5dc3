"""The client for programs that wait for an answer."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx

from smsout_client import wire
from smsout_client.models import Event, Message, Sent
from smsout_client.retrying import Retrying


class Client:
    """Talks to one gateway with a trunk's credentials; may be shared by threads.

    Every method raises `Refused` for what must be corrected and `Unavailable` when trying again has not helped.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str,
        password: str,
        log_url: str | None = None,
        timeout: float = 15.0,
        retrying: Retrying | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._at = wire.Addresses.of(url, log_url)
        self._retrying = retrying or Retrying()
        self._http = httpx.Client(
            auth=httpx.BasicAuth(username, password), timeout=timeout, transport=transport, follow_redirects=False
        )

    def send(
        self,
        *,
        source: str,
        destination: str,
        content: str,
        key: str | None = None,
        client_reference: str | None = None,
        tags: Iterable[str] = (),
    ) -> Sent:
        """Send one message; reference and tags come back with whatever is told of it."""
        request = wire.send(self._at, source, destination, content, key, wire.Named(client_reference, tags))
        return wire.sent(request, self._ask(request), destination)

    def send_many(
        self,
        *,
        source: str,
        destinations: Iterable[str],
        content: str,
        key: str | None = None,
        client_reference: str | None = None,
        tags: Iterable[str] = (),
    ) -> list[Sent]:
        """Send one text to up to 1000 numbers, all or none of them."""
        request = wire.send_many(self._at, source, destinations, content, key, wire.Named(client_reference, tags))
        return wire.sent_many(request, self._ask(request))

    def message(self, message_id: str) -> Message:
        """Return what became of a message."""
        return wire.message(self._ask(wire.look_up(self._at, message_id)))

    def events(self, message_id: str) -> list[Event]:
        """Return what happened to a message, in order."""
        return wire.events(self._ask(wire.look_up(self._at, message_id, events=True)))

    def messages(self, *, page_size: int = 100, **filters: str | int | datetime | Iterable[str]) -> Iterator[Message]:
        """Yield messages, the newest first; `filters` are the API's: `since`, `destination`, `status`, …"""
        request: wire.Request | None = wire.search(self._at, filters, page_size)
        while request is not None:
            answer = self._ask(request)
            yield from wire.messages(answer)
            request = wire.next_page(request, answer)

    def _ask(self, request: wire.Request) -> wire.Answer:
        tries = wire.Tries(request, self._retrying)
        while True:
            tried = self._try(request)
            if tried.answer is not None:
                return tried.answer
            time.sleep(tries.delay_after(tried))

    def _try(self, request: wire.Request) -> wire.Try:
        try:
            came = self._http.request(**request.arguments())
        except httpx.TransportError as error:
            return wire.Try(None, repr(error))
        return wire.judged(came.status_code, came.headers, came.content)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
