"""One message as it is read from the log: where it is, in the contract's words, and what it came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from pipeline.message_log.tables import moment, tags_of
from pipeline.message_log.writing.batch import COLUMNS
from schemas.messages.dlr import SegmentOutcome
from schemas.messages.mt_message import ENCODINGS, DataCoding
from schemas.messages.status import CodeId, StatusName
from schemas.text.smart_encoding import TextChange


class LogState(StrEnum):
    """The words of the contract's log (docs/http-api.md)."""

    QUEUED = "Queued"  # accepted, and not yet processed
    SCHEDULED = "Scheduled"  # waits for the time at which it is to be sent
    IN_PROGRESS = "In Progress"  # on its way to the carrier
    SUCCESS = StatusName.SUCCESS.value
    ROUTING_ERROR = StatusName.ROUTING_ERROR.value
    FAILED = StatusName.FAILED.value
    CANCELED = StatusName.CANCELED.value


DELIVERED_WORDS: Final = ("DELIVERED", "DELIVRD")
"""Of the delivery stage's statuses the good one, in upper case."""
MEANINGS: Final[dict[int, str]] = {
    CodeId.NO_ROUTES_FOUND: "No routes found",
    CodeId.NO_RATE_FOUND: "No rate found",
    CodeId.INTERNAL_ERROR: "Internal error",
    CodeId.TRUNK_BLOCKED: "SMS trunk is blocked",
    CodeId.IN_DOUBT: "The carrier may or may not have taken it",
    CodeId.ACCOUNT_BLOCKED: "Account is blocked",
    CodeId.SOURCE_NOT_ALLOWED: "SMS source address is not allowed",
    CodeId.DESTINATION_NOT_ALLOWED: "SMS destination address is not allowed",
    CodeId.CAMPAIGN_NOT_FOUND: "SMS campaign not found or blocked",
    CodeId.CAMPAIGN_DOES_NOT_COVER: "SMS campaign does not cover the source or the trunk",
    CodeId.INSUFFICIENT_BALANCE: "Insufficient balance",
    CodeId.ALL_ATTEMPTS_FAILED: "All delivery attempts failed within the time to live",
    CodeId.NO_ENCODING: "No encoding available",
    CodeId.DEFRAGMENTATION_FAILED: "Message defragmentation failed",
    CodeId.ROUTING_FAILED: "Routing failed",
}
"""What a code_id means (docs/http-api.md)."""


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """A message. Times are UTC; prices are of one segment; `delivery_*` come from the carrier's receipts."""

    id: str
    trunk_id: str
    account_id: str | None
    source: str
    destination: str
    accepted_at: datetime
    content: str | None
    submitted: tuple[int, int] | None
    """Partition and offset in sms.mt.submitted."""
    segmented: tuple[int, int] | None
    segmented_at: datetime | None
    data_coding: int | None
    segments: int | None
    carrier_id: str | None
    price_per_segment: Decimal | None
    currency: str | None
    expires_at: datetime | None
    status: str | None
    code_id: int | None
    reason: str | None
    ended_at: datetime | None
    segments_sent: int
    possible_duplicate: bool
    delivery_status: str | None
    delivery_code_id: int | None
    delivery_reason: str | None
    delivery_ended_at: datetime | None
    receipts: tuple[SegmentOutcome, ...] = ()
    """The carrier's receipts, as they stand at the end."""
    client_reference: str | None = None
    tags: tuple[str, ...] = ()
    campaign_id: str | None = None
    sent_content: str | None = None
    """What was sent where the text was changed."""
    text_changes: tuple[TextChange, ...] = ()
    national_language: str | None = None
    callback_url: str | None = None
    """Where its callbacks go, where that is not the trunk's own endpoint."""
    scheduled: tuple[int, int] | None = None
    """Partition and offset in sms.mt.scheduled, of a message that has waited for its time or does so."""
    scheduled_at: datetime | None = None
    send_at: datetime | None = None
    bulk_id: str | None = None
    """Of those that were scheduled together."""

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> "LoggedMessage":
        """Return the message of a row with all columns in their order."""
        it = dict(zip(COLUMNS, row, strict=True))
        return cls(
            it["id"], it["trunk_id"], it["account_id"], it["source"], it["destination"], moment(it["accepted_at"]),
            it["content"], _place(it, "submitted"), _place(it, "segmented"), _moment(it["segmented_at"]),
            it["data_coding"], it["segments"], it["carrier_id"] or it["routed_carrier_id"],
            _price(it["price"] or it["routed_price"]), it["currency"] or it["routed_currency"],
            _moment(it["expires_at"]), it["status"], it["code_id"],
            it["reason"], _moment(it["ended_at"]), it["segments_sent"] or 0, bool(it["possible_duplicate"]),
            it["delivery_status"], it["delivery_code_id"], it["delivery_reason"], _moment(it["delivery_ended_at"]),
            _receipts(it["receipts"]), it["client_reference"], tags_of(it["tags"]), it["campaign_id"],
            it["sent_content"], _changes(it["text_changes"]), it["national_language"],
            it["callback_url"], _place(it, "scheduled"), _moment(it["scheduled_at"]), _moment(it["send_at"]),
            it["bulk_id"],
        )  # fmt: skip

    @property
    def state(self) -> str:
        """The contract's word for where it is; a `LogState`, unless a later version has written another."""
        if self.status is not None:
            return self.status
        if self.segmented is not None:
            return LogState.IN_PROGRESS
        return LogState.QUEUED if self.scheduled is None else LogState.SCHEDULED

    @property
    def price(self) -> Decimal | None:
        """What it costs: for the segments that the carrier has taken. None where there is no price."""
        if self.price_per_segment is None or self.status is None:
            return None
        return self.price_per_segment * self.segments_sent

    @property
    def encoding(self) -> str | None:
        """How its text goes over the air, in words."""
        return None if self.data_coding is None else ENCODINGS.get(DataCoding(self.data_coding))


def _moment(stored: int | None) -> datetime | None:
    return None if stored is None else moment(stored)


def _place(row: dict[str, Any], topic: str) -> tuple[int, int] | None:
    partition = row[f"{topic}_partition"]
    return None if partition is None else (partition, row[f"{topic}_offset"])


_OUTCOMES: Final = TypeAdapter(tuple[SegmentOutcome, ...])


def _receipts(text: str | None) -> tuple[SegmentOutcome, ...]:
    try:
        return () if text is None else _OUTCOMES.validate_json(text)
    except ValidationError:
        return ()


_CHANGES: Final = TypeAdapter(tuple[TextChange, ...])


def _changes(text: str | None) -> tuple[TextChange, ...]:
    try:
        return () if text is None else _CHANGES.validate_json(text)
    except ValidationError:
        return ()


def _price(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None
