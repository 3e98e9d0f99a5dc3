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


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the log has it. `status`: Queued, In Progress, Success, Routing error, Failed."""

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

    @classmethod
    def of(cls, webhook_id: str, document: Json) -> Self:
        """Read a document. Raises as `Message.of`."""
        data = document["data"]
        is_receipt = {"outbound_message_callbacks": False, "dlr_event": True}[data["type"]]
        told = data["attributes"]
        return cls(
            webhook_id, data["id"], is_receipt, told["status"], told.get("code_id"), document,
            told.get("client_reference"), tuple(told.get("tags", ())),
        )  # fmt: skip


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _price(number: float | Decimal | None) -> Decimal | None:
    return None if number is None else Decimal(str(number))
