"""What the gateway tells. `raw` is always the whole of it: members may be added."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was taken. Its callbacks carry the `id`."""

    id: str
    destination: str
    replayed: bool
    """An earlier request with the same key had been taken: nothing more was sent."""
    bulk_id: str | None = None
    """What all of a scheduled bulk is cancelled by."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message of several that differ: with its own `content`, or `values` for the places of one that is for all."""

    destination: str
    content: str | None = None
    values: Mapping[str, str] | None = None
    client_reference: str | None = None

    def attributes(self) -> dict[str, Any]:
        """Return it as a request has it."""
        given = {
            "destination": self.destination,
            "content": self.content,
            "values": None if self.values is None else dict(self.values),
            "client_reference": self.client_reference,
        }
        return {name: it for name, it in given.items() if it is not None}


@dataclass(frozen=True, slots=True)
class TextChange:
    """What smart encoding has changed of a text, `count` times. `step`: composed, replaced, transliterated."""

    step: str
    before: str
    after: str
    count: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a message would become as things are now. `price` is None where it has none, or would not be sent."""

    encoding: str
    segments: tuple[str, ...]
    characters_left: int
    outside_gsm7: tuple[str, ...]
    sendable: bool
    reason: str | None
    price: Decimal | None
    currency: str | None
    raw: Json
    text_changes: tuple[TextChange, ...] = ()

    @classmethod
    def of(cls, resource: Json) -> Self:
        """Read a resource. Raises as `Message.of`."""
        told = resource["attributes"]
        return cls(
            told["encoding"], tuple(it["content"] for it in told["segments"]), told["characters_left"],
            tuple(it["character"] for it in told["outside_gsm7"]), told["sendable"], told["reason"],
            _price(told["price"]), told["currency"], resource, _changes(told),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trunk:
    """A trunk. Of its sources lists have but the count; `sources` is None there, and where any number may be one."""

    id: str
    name: str
    blocked: bool
    any_source: bool
    source_count: int
    sources: tuple[str, ...] | None
    callback_url: str | None
    allowed_ips: tuple[str, ...]
    receipts_enabled: bool
    username: str
    raw: Json

    @classmethod
    def of(cls, resource: Json) -> Self:
        """Read a resource. Raises as `Message.of`."""
        told, related = resource["attributes"], resource["relationships"]["outgoing_dids"]
        how, any_source = told["configuration"], told["allow_any_did_as_source"]
        listed = None if any_source or "data" not in related else tuple(it["id"] for it in related["data"])
        return cls(
            resource["id"], told["name"], told["blocked"], any_source, related["meta"]["count"], listed,
            how["callback_url"], tuple(how["allowed_ips"]), how["receipts_enabled"], how["username"], resource,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the log has it.

    `status`: Queued, Scheduled, In Progress, Success, Routing error, Failed, Canceled. `send_at` and `bulk_id` are
    there where it was scheduled, whatever has become of it since; `bulk_id` is what `cancel_bulk` takes.
    """

    id: str
    status: str
    code_id: int | None
    reason: str | None
    source: str
    destination: str
    accepted_at: datetime
    ended_at: datetime | None
    encoding: str | None
    segments: int | None
    segments_sent: int | None
    price: Decimal | None
    currency: str | None
    delivery_status: str | None
    delivered_at: datetime | None
    raw: Json
    client_reference: str | None = None
    tags: tuple[str, ...] = ()
    text_changes: tuple[TextChange, ...] = ()
    national_language: str | None = None
    campaign_id: str | None = None
    send_at: datetime | None = None
    bulk_id: str | None = None

    @classmethod
    def of(cls, resource: Json) -> Self:
        """Read a resource. Raises `KeyError`, `ValueError` or `TypeError` for what is none."""
        told = resource["attributes"]
        accepted_at = _time(told["time_start"])
        if accepted_at is None:
            raise ValueError("a message without the time at which it was accepted")
        return cls(
            id=resource["id"], status=told["status"], code_id=told["code_id"], reason=told["reason"],
            source=told["source"], destination=told["destination"], accepted_at=accepted_at,
            ended_at=_time(told["end_time"]), encoding=told["encoding"], segments=told["fragments"],
            segments_sent=told["fragments_sent"], price=_price(told["price"]), currency=told["currency"],
            delivery_status=told["delivery_status"], delivered_at=_time(told["delivery_time"]), raw=resource,
            client_reference=told.get("client_reference"), tags=tuple(told.get("tags", ())),
            text_changes=_changes(told), national_language=told.get("national_language"),
            campaign_id=told.get("campaign_id"), send_at=_time(told.get("send_at")), bulk_id=told.get("bulk_id"),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One event in the life of a message, in words in `description`."""

    event: str
    at: datetime
    description: str
    raw: Json

    @classmethod
    def of(cls, resource: Json) -> Self:
        """Read a resource. Raises as `Message.of`."""
        told = resource["attributes"]
        at = _time(told["time"])
        if at is None:
            raise ValueError("an event without a time")
        return cls(told["event"], at, told["description"], resource)


@dataclass(frozen=True, slots=True)
class Callback:
    """What a callback tells of a message: that it was processed, or (`is_receipt`) what became of it after that.

    `webhook_id` is the same at every attempt: a callback may come more than once.
    """

    webhook_id: str
    message_id: str
    is_receipt: bool
    status: str
    code_id: int | None
    raw: Json
    client_reference: str | None = None
    tags: tuple[str, ...] = ()
    text_changes: tuple[TextChange, ...] = ()
    national_language: str | None = None
    campaign_id: str | None = None

    @classmethod
    def of_batch(cls, document: Json) -> list[Self]:
        """Read a document with several, each of which says its id itself. Raises as `Message.of`."""
        found = [cls.of(it["meta"]["webhook_id"], {"data": it}) for it in document["data"]]
        if not all(isinstance(it.webhook_id, str) for it in found):
            raise TypeError("an event without an id")
        return found

    @classmethod
    def of(cls, webhook_id: str, document: Json) -> Self:
        """Read a document. Raises as `Message.of`."""
        data = document["data"]
        is_receipt = {"outbound_message_callbacks": False, "dlr_event": True}[data["type"]]
        told = data["attributes"]
        return cls(
            webhook_id, data["id"], is_receipt, told["status"], told.get("code_id"), document,
            told.get("client_reference"), tuple(told.get("tags", ())), _changes(told), told.get("national_language"),
            told.get("campaign_id"),
        )  # fmt: skip


def _changes(told: Json) -> tuple[TextChange, ...]:
    return tuple(TextChange(it["step"], it["before"], it["after"], it["count"]) for it in told.get("text_changes", ()))


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _price(number: float | Decimal | None) -> Decimal | None:
    return None if number is None else Decimal(str(number))
