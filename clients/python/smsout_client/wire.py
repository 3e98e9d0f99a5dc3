"""Requests as they go out and answers as they come in, without a connection: what both clients share."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, urljoin
from uuid import uuid4

from smsout_client.errors import Problem, Refused, Unavailable
from smsout_client.models import Event, Message, Sent
from smsout_client.retrying import Retrying, is_worth_another_try, seconds_of

MEDIA_TYPE: Final = "application/vnd.api+json"
MAX_DESTINATIONS: Final = 1000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `key` makes it one message however often it is sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    key: str | None = None
    parameters: Sequence[tuple[str, str]] = ()

    def arguments(self) -> dict[str, Any]:
        """Return it as what httpx's clients are called with."""
        return {
            "method": self.method, "url": self.url, "params": list(self.parameters) or None,
            "headers": dict(self.headers), "content": self.body,
        }  # fmt: skip


class Answer(NamedTuple):
    """An answer. `headers` are looked up in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Addresses(NamedTuple):
    """Where messages are sent to, and where they are looked up."""

    send: str
    log: str

    @classmethod
    def of(cls, url: str, log_url: str | None) -> "Addresses":
        """Return both, each ending with a slash."""
        return cls(url.rstrip("/") + "/", (log_url or url).rstrip("/") + "/")


class Named(NamedTuple):
    """What the sender calls a message."""

    reference: str | None
    tags: Iterable[str]

    def attributes(self) -> dict[str, Any]:
        """Return as much of it as there is."""
        tags = list(self.tags)
        reference = {} if self.reference is None else {"client_reference": self.reference}
        return reference | ({"tags": tags} if tags else {})


def send(to: Addresses, source: str, destination: str, content: str, key: str | None, named: Named) -> Request:
    """Return the request that sends one message."""
    attributes = {"destination": destination, "source": source, "content": content, **named.attributes()}
    return _send(to, "outbound_messages", attributes, key)


def send_many(
    to: Addresses, source: str, destinations: Iterable[str], content: str, key: str | None, named: Named
) -> Request:
    """Return the request that sends one text to many. Raises `ValueError` for none, or more than 1000."""
    numbers = list(destinations)
    if not 0 < len(numbers) <= MAX_DESTINATIONS:
        raise ValueError(f"one request sends to 1 to {MAX_DESTINATIONS} numbers, not to {len(numbers)}")
    attributes = {"destination": numbers, "source": source, "content": content, **named.attributes()}
    return _send(to, "bulk_outbound_messages", attributes, key)


def _send(to: Addresses, kind: str, attributes: Mapping[str, Any], key: str | None) -> Request:
    key = str(uuid4()) if key is None else key
    headers = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE, "Idempotency-Key": key}
    body = json.dumps({"data": {"type": kind, "attributes": attributes}}, ensure_ascii=False).encode()
    return Request("POST", urljoin(to.send, kind), headers, body, key)


def look_up(at: Addresses, message_id: str, *, events: bool = False) -> Request:
    """Return the request for one message, or for its events."""
    path = f"outbound_messages/{quote(message_id, safe='')}" + ("/events" if events else "")
    return Request("GET", urljoin(at.log, path), {"Accept": MEDIA_TYPE})


def search(at: Addresses, filters: Mapping[str, str | int | datetime | Iterable[str]], page_size: int) -> Request:
    """Return the request for the first page of messages."""
    parameters = [(f"filter[{name}]", _value(value)) for name, value in filters.items()]
    parameters.append(("page[size]", str(page_size)))
    return Request("GET", urljoin(at.log, "outbound_messages"), {"Accept": MEDIA_TYPE}, parameters=parameters)


def next_page(request: Request, answer: Answer) -> Request | None:
    """Return the request for the page behind an answer; None behind the last one."""
    link = _read(answer, lambda document: document.get("links", {}).get("next"))
    if not link:
        return None
    return Request("GET", urljoin(request.url, str(link)), request.headers)


def _value(value: str | int | datetime | Iterable[str]) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without its zone may mean any")
        return value.isoformat()
    return str(value) if isinstance(value, str | int) else ",".join(value)


def sent(request: Request, answer: Answer, destination: str) -> Sent:
    """Read the answer to one message."""
    replayed = answer.headers.get("idempotency-replayed") == "true"
    return _read(answer, lambda document: Sent(str(document["data"]["id"]), destination, replayed), request.key)


def sent_many(request: Request, answer: Answer) -> list[Sent]:
    """Read the answer to many messages, in the order of the request."""
    replayed = answer.headers.get("idempotency-replayed") == "true"
    return _read(
        answer,
        lambda document: [
            Sent(str(it["id"]), str(it["attributes"]["destination"]), replayed) for it in document["data"]
        ],
        request.key,
    )


def message(answer: Answer) -> Message:
    """Read one message."""
    return _read(answer, lambda document: Message.of(document["data"]))


def messages(answer: Answer) -> list[Message]:
    """Read a page of messages."""
    return _read(answer, lambda document: [Message.of(it) for it in document["data"]])


def events(answer: Answer) -> list[Event]:
    """Read the events of a message."""
    return _read(answer, lambda document: [Event.of(it) for it in document["data"]])


class Try(NamedTuple):
    """What one try has come to: an answer, or why there is none and how long to wait at least."""

    answer: Answer | None
    reason: str = ""
    retry_after: float | None = None


class Tries:
    """The tries of one request, from now on."""

    def __init__(self, request: Request, retrying: Retrying) -> None:
        self._request = request
        self._retrying = retrying
        self._began_at = time.monotonic()
        self._count = 0

    def delay_after(self, tried: Try) -> float:
        """Return how long to wait before the next one, in seconds. Raises `Unavailable` when there is none."""
        self._count += 1
        delay = self._retrying.delay(self._count, time.monotonic() - self._began_at, tried.retry_after)
        if delay is None:
            raise Unavailable(f"given up after {self._count} tries: {tried.reason}", self._request.key)
        return delay


def judged(status: int, headers: Mapping[str, str], body: bytes) -> Try:
    """Return what an answer comes to. Raises `Refused`."""
    answer = Answer(status, headers, body)
    if 200 <= status < 300:
        return Try(answer)
    if is_worth_another_try(status):
        return Try(None, f"HTTP {status}", seconds_of(headers.get("retry-after")))
    raise refused(answer)


def refused(answer: Answer) -> Refused:
    """Read an answer that is none of the 2xx."""
    try:
        problems = tuple(_problem(answer.status, it) for it in json.loads(answer.body)["errors"])
    except (ValueError, TypeError, KeyError, AttributeError):
        problems = ()
    return Refused(answer.status, problems)


def _problem(status: int, told: Mapping[str, Any]) -> Problem:
    place = told.get("source") or {}
    return Problem(
        status, str(told.get("title", "")), str(told.get("detail", "")), place.get("pointer"), place.get("header"),
        place.get("parameter"),
    )  # fmt: skip


def _read(answer: Answer, reading: Callable[[Any], T], key: str | None = None) -> T:
    try:
        return reading(json.loads(answer.body))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # Somebody between us and the gateway has answered, or it speaks a later contract.
        raise Unavailable(f"HTTP {answer.status}, and not in the gateway's words: {error!r}", key) from error
