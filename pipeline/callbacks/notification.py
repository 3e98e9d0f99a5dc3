"""Step 7, notification: who hears of which status, and the body that the callback URL receives (docs/http-api.md)."""

import json
from datetime import UTC, datetime
from decimal import Context, Decimal
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from schemas.directory.callback_options import CallbackEvent
from schemas.directory.trunk import Trunk
from schemas.messages.status import DeliveryName, MessageStatus, StatusName, StatusStage
from schemas.text.smart_encoding import changed

CONTENT_TYPE: Final = "application/vnd.api+json"

_PROCESSING: Final = StatusStage.PROCESSING
_exact: Final = Context(prec=40).multiply  # no price that a record can hold times a number of segments is rounded


def event_of(status: MessageStatus) -> CallbackEvent:
    """Return what a status is among the events that a trunk can choose from."""
    if status.stage is _PROCESSING:
        return CallbackEvent.SENT if status.status == StatusName.SUCCESS else CallbackEvent.NOT_SENT
    return CallbackEvent.DELIVERED if status.status == DeliveryName.DELIVERED else CallbackEvent.NOT_DELIVERED


def is_wanted(trunk: Trunk, status: MessageStatus) -> bool:
    """Tell whether the trunk has chosen to hear of what a status is."""
    options = trunk.callbacks
    return options is None or options.events is None or event_of(status) in options.events


def body_of(status: MessageStatus) -> bytes:
    """Return the JSON:API document for `status`: the same bytes at every attempt and replay.

    It is written out by hand, at half the cost of the `json` module's or pydantic's way, because it is no record and
    has ways of its own: ASCII alone, milliseconds, a price that is a number. Whatever may hold any character goes
    through that module's own quoting; numbers and ids cannot need it.
    """
    if status.stage is not _PROCESSING:
        return (
            f'{{"data":{{"type":"dlr_event","id":"{status.message_id}",'
            f'"attributes":{{"status":{quoted(status.status)}{_labels(status)}}}}}}}'
        ).encode()
    return (
        f'{{"data":{{"type":"outbound_message_callbacks","id":"{status.message_id}","attributes":{{'
        f'"status":{quoted(status.status)},'
        f'"code_id":{"null" if status.code_id is None else int(status.code_id)},'
        f'"source":{quoted(status.source)},'
        f'"destination":{quoted(status.destination)},'
        f'"time_start":"{_timestamp(status.accepted_at)}",'
        f'"end_time":"{_timestamp(status.ended_at)}",'
        f'"fragments_sent":{status.segments_sent},'
        f'"price":{_total(status.price_per_segment, status.segments_sent)},'
        f'"price_per_segment":{"null" if status.price_per_segment is None else status.price_per_segment},'
        f'"currency":{"null" if status.currency is None else quoted(status.currency)}{_labels(status)}'
        f"{_text(status)}}}}}}}"
    ).encode()


def _labels(status: MessageStatus) -> str:
    """Return what the customer says of the message as further members; nothing where that is nothing."""
    members = "" if status.client_reference is None else f',"client_reference":{quoted(status.client_reference)}'
    if status.tags:
        members += f',"tags":[{",".join(map(quoted, status.tags))}]'
    return members if status.campaign_id is None else f'{members},"campaign_id":"{status.campaign_id}"'


def _text(status: MessageStatus) -> str:
    """Return what its text has become as further members; nothing where it is as it was."""
    if status.text_changes is None and status.national_language is None:
        return ""
    members = changed(status.text_changes, status.national_language)
    return f",{json.dumps(members, separators=(',', ':'))[1:-1]}"


def _timestamp(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds, cut off and not rounded: `2025-12-16T13:28:03.000Z`."""
    text = moment.isoformat()  # half the cost of asking for milliseconds
    if not text.endswith("+00:00"):
        text = moment.astimezone(UTC).isoformat()
    return f"{text[:19]}.{text[20:23] if text[19] == '.' else '000'}Z"


def _total(price_per_segment: Decimal | None, segments: int) -> str:
    """Return the price of the whole message as a JSON number, exact to the last digit, or null.

    A Decimal's own text is a JSON number, also where it has an exponent.
    """
    return "null" if price_per_segment is None else str(_exact(price_per_segment, Decimal(segments)))
