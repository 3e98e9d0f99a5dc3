"""Messages and their events as JSON:API shows them, in the contract's words (docs/http-api.md)."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from agents.serving.prices import json_number
from pipeline.message_log.reading.history import EventKind, MessageEvent, MessageHistory
from pipeline.message_log.reading.message import LoggedMessage
from schemas.messages.labels import named
from schemas.messages.timing import timed
from schemas.text.smart_encoding import changed

KIND: Final = "outbound_messages"
EVENT_KIND: Final = "outbound_message_events"

Carrier = Callable[[str], str | None]
"""Returns what a carrier is called, by its id."""


def timestamp(at: datetime | None) -> str | None:
    """Return a time as the contract writes it."""
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def message(entry: LoggedMessage, *, keeps_text: bool) -> dict[str, Any]:
    """Return a message as a resource; its text only while its account keeps texts."""
    return {
        "id": entry.id,
        "type": KIND,
        "attributes": {
            "status": entry.state,
            "code_id": entry.code_id,
            "reason": entry.reason,
            "source": entry.source,
            "destination": entry.destination,
            "content": entry.content if keeps_text else None,
            "time_start": timestamp(entry.accepted_at),
            "end_time": timestamp(entry.ended_at),
            "encoding": entry.encoding,
            "fragments": entry.segments,
            "fragments_sent": entry.segments_sent,
            "price": json_number(entry.price),
            "currency": None if entry.price is None else entry.currency,
            "possible_duplicate": entry.possible_duplicate,
            "delivery_status": entry.delivery_status,
            "delivery_time": timestamp(entry.delivery_ended_at),
            **timed(entry.send_at, None),
            **({} if entry.bulk_id is None else {"bulk_id": entry.bulk_id}),
            **named(entry.client_reference, entry.tags),
            **({} if entry.campaign_id is None else {"campaign_id": entry.campaign_id}),
            **changed(entry.text_changes, entry.national_language),
            **({"sent_content": entry.sent_content} if keeps_text and entry.sent_content is not None else {}),
        },
    }


def events(history: MessageHistory, carrier: Carrier | None = None) -> list[dict[str, Any]]:
    """Return what happened to a message, in order; where the message went only with `carrier`, which names it."""
    return [_event(history.message.id, place, it, carrier) for place, it in enumerate(history.events())]


def _event(message_id: str, place: int, event: MessageEvent, carrier: Carrier | None) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "event": event.kind.value,
        "time": timestamp(event.at),
        "description": event.words,
    }
    if event.mark is not None:
        attributes |= {"fragment": event.mark.seqnum, "attempt": event.mark.attempt}
        if event.kind is EventKind.SEGMENT:
            attributes |= {"outcome": event.mark.mark, "error": event.mark.error}
            attributes["carrier_message_id"] = event.mark.carrier_message_id
        if carrier is not None:
            attributes |= {"carrier_id": event.mark.carrier_id, "carrier": carrier(event.mark.carrier_id)}
    if (callback := event.callback) is not None:
        attributes |= {
            "webhook_id": callback.webhook_id,
            "attempt": callback.attempt,
            "resent": callback.resent_at is not None,
            "endpoint": callback.endpoint,
            "milliseconds": callback.milliseconds,
            "outcome": callback.outcome,
            "status_code": callback.status_code,
            "error": callback.error,
            "answer": callback.answer,
        }
    return {"id": f"{message_id}.{place}", "type": EVENT_KIND, "attributes": attributes}


def as_json(document: dict[str, Any]) -> bytes:
    """Return a document as the bytes of an answer."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=True).encode()
