"""The client for programs that wait for an answer."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Self, Unpack

import httpx

from smsout_client import wire
from smsout_client.models import Event, Message, Outgoing, Preview, Sent
from smsout_client.retrying import Retrying
from smsout_client.wire import Options


class Connected:
    """What asks over connections, and closes them at the end of a `with`."""

    def __init__(self, http: httpx.Client, retrying: Retrying | None) -> None:
        self._http = http
        self._retrying = retrying or Retrying()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, request: wire.Request) -> wire.Answer:
        """Return the answer, asked for as often as it is worth it. Raises `Refused` and `Unavailable`."""
        tries = wire.Tries(request, self._retrying)
        while True:
            tried = _tried(self._http, request)
            if tried.answer is not None:
                return tried.answer
            time.sleep(tries.delay_after(tried))


class Client(Connected):
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
        super().__init__(
            httpx.Client(
                auth=httpx.BasicAuth(username, password), timeout=timeout, transport=transport, follow_redirects=False
            ),
            retrying,
        )

    def send(
        self, *, source: str, destination: str, content: str, key: str | None = None, **options: Unpack[Options]
    ) -> Sent:
        """Send one message; reference and tags come back with whatever is told of it, at `callback_url` if given."""
        request = wire.send(self._at, source, destination, content, key, options)
        return wire.sent(request, self._ask(request), destination)

    def send_many(
        self,
        *,
        source: str,
        destinations: Iterable[str],
        content: str,
        key: str | None = None,
        **options: Unpack[Options],
    ) -> list[Sent]:
        """Send one text to up to 1000 numbers, all or none of them."""
        request = wire.send_many(self._at, source, destinations, content, key, options)
        return wire.sent_many(request, self._ask(request))

    def send_each(
        self,
        *,
        source: str,
        messages: Iterable[Outgoing],
        content: str | None = None,
        key: str | None = None,
        **options: Unpack[Options],
    ) -> list[Sent]:
        """Send up to 1000 messages that differ, all or none of them.

        Each has its own text; or `content` is everybody's, with places, `{{name}}`, and each has values for them.
        """
        request = wire.send_each(self._at, source, messages, content, key, options)
        return wire.sent_many(request, self._ask(request))

    def cancel(self, message_id: str) -> None:
        """Take a message back, if no carrier has it yet: its final status, `Canceled` or another, tells."""
        self._ask(wire.cancel(self._at, message_id))

    def cancel_bulk(self, bulk_id: str) -> None:
        """Take all of a scheduled bulk back: `bulk_id` is that of each of its messages (`Sent`)."""
        self._ask(wire.cancel(self._at, bulk_id, bulk=True))

    def preview(
        self,
        *,
        source: str,
        destination: str,
        content: str,
        smart_encoding: str | None = None,
        campaign_id: str | None = None,
    ) -> Preview:
        """Return what a message would become and cost, and whether it may be sent; nothing is sent."""
        request = wire.preview(
            self._at, source, destination, content, {"smart_encoding": smart_encoding, "campaign_id": campaign_id}
        )
        return wire.read_preview(self._ask(request))

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


def _tried(http: httpx.Client, request: wire.Request) -> wire.Try:
    try:
        came = http.request(**request.arguments())
    except httpx.TransportError as error:
        return wire.Try(None, repr(error))
    return wire.judged(came.status_code, came.headers, came.content)
