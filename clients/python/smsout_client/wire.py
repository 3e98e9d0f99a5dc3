"""Requests as they go out and answers as they come in, without a connection: what both clients share."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypedDict, TypeVar
from urllib.parse import quote, urljoin
from uuid import uuid4

from smsout_client.errors import Problem, Refused, Unavailable
from smsout_client.models import Event, Message, Outgoing, Preview, Sent, Trunk
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


class Options(TypedDict, total=False):
    """What can be said of a message beside who gets which text."""

    client_reference: str | None
    tags: Iterable[str]
    smart_encoding: str | None
    callback_url: str | None
    send_at: datetime | None
    validity_period: int | None
    campaign_id: str | None


def said(
    client_reference: str | None = None,
    tags: Iterable[str] = (),
    smart_encoding: str | None = None,
    callback_url: str | None = None,
    send_at: datetime | None = None,
    validity_period: int | None = None,
    campaign_id: str | None = None,
) -> dict[str, Any]:
    """Return `Options` as attributes, as much of them as there is."""
    given: dict[str, Any] = {
        "client_reference": client_reference, "smart_encoding": smart_encoding,
        "send_at": None if send_at is None else _moment(send_at), "validity_period": validity_period,
        "callback_url": callback_url, "campaign_id": campaign_id, "tags": list(tags) or None,
    }  # fmt: skip
    return {name: it for name, it in given.items() if it is not None}


def _moment(at: datetime) -> str:
    """Return a time as the API reads it. Raises `ValueError` for one without a zone, which could be anybody's."""
    if at.tzinfo is None:
        raise ValueError("send_at needs a time zone")
    return at.isoformat()


def cancel(to: Addresses, identity: str, *, bulk: bool = False) -> Request:
    """Return the request that takes a message back, or a whole bulk that is scheduled; it may be repeated."""
    kind = "bulk_outbound_messages" if bulk else "outbound_messages"
    return Request("DELETE", urljoin(to.send, f"{kind}/{quote(identity, safe='')}"), {"Accept": MEDIA_TYPE})


def send(to: Addresses, source: str, destination: str, content: str, key: str | None, options: Options) -> Request:
    """Return the request that sends one message."""
    attributes = {"destination": destination, "source": source, "content": content, **said(**options)}
    return _send(to, "outbound_messages", attributes, key)


def send_many(
    to: Addresses, source: str, destinations: Iterable[str], content: str, key: str | None, options: Options
) -> Request:
    """Return the request that sends one text to many. Raises `ValueError` for none, or more than 1000."""
    numbers = list(destinations)
    if not 0 < len(numbers) <= MAX_DESTINATIONS:
        raise ValueError(f"one request sends to 1 to {MAX_DESTINATIONS} numbers, not to {len(numbers)}")
    attributes = {"destination": numbers, "source": source, "content": content, **said(**options)}
    return _send(to, "bulk_outbound_messages", attributes, key)


def send_each(
    to: Addresses, source: str, messages: Iterable[Outgoing], content: str | None, key: str | None, options: Options
) -> Request:
    """Return the request that sends messages which differ. Raises `ValueError` for none, or more than 1000."""
    those = [it.attributes() for it in messages]
    if not 0 < len(those) <= MAX_DESTINATIONS:
        raise ValueError(f"one request has 1 to {MAX_DESTINATIONS} messages, not {len(those)}")
    attributes = {"source": source, "messages": those, **said(**options)}
    if content is not None:
        attributes["content"] = content
    return _send(to, "bulk_outbound_messages", attributes, key)


def preview(to: Addresses, source: str, destination: str, content: str, options: Options) -> Request:
    """Return the request that asks what a message would become; it has no key, for it sends nothing."""
    attributes = {"destination": destination, "source": source, "content": content, **said(**options)}
    return _post(to, "outbound_message_previews", attributes, None)


def _send(to: Addresses, kind: str, attributes: Mapping[str, Any], key: str | None) -> Request:
    return _post(to, kind, attributes, str(uuid4()) if key is None else key)


def _post(to: Addresses, kind: str, attributes: Mapping[str, Any], key: str | None) -> Request:
    headers = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
    if key is not None:
        headers["Idempotency-Key"] = key
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


def trunks(api: str, name: str | None, page_size: int) -> Request:
    """Return the request for the first page of trunks; `api` is where the management API is."""
    parameters = [("page[size]", str(page_size)), ("sort", "name")]
    if name is not None:
        parameters.append(("filter[name]", name))
    return Request("GET", urljoin(api, "sms_trunks"), {"Accept": MEDIA_TYPE}, parameters=parameters)


def trunk(api: str, trunk_id: str) -> Request:
    """Return the request for one trunk."""
    return Request("GET", urljoin(api, f"sms_trunks/{quote(trunk_id, safe='')}"), {"Accept": MEDIA_TYPE})


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

    def read(document: Any) -> list[Sent]:
        bulk_id = document.get("meta", {}).get("bulk_id")
        return [Sent(str(it["id"]), str(it["attributes"]["destination"]), replayed, bulk_id) for it in document["data"]]

    return _read(answer, read, request.key)


def read_preview(answer: Answer) -> Preview:
    """Read what a message would become."""
    return _read(answer, lambda document: Preview.of(document["data"]))


def read_trunks(answer: Answer) -> list[Trunk]:
    """Read a page of trunks."""
    return _read(answer, lambda document: [Trunk.of(it) for it in document["data"]])


def read_trunk(answer: Answer) -> Trunk:
    """Read one trunk."""
    return _read(answer, lambda document: Trunk.of(document["data"]))


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
