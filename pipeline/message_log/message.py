"""One message as it is read from the log: its state in the contract's words, and its history, event by event."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from pipeline.message_log.batch import COLUMNS
from pipeline.message_log.tables import moment, tags_of
from schemas.dlr import MessageState, SegmentOutcome
from schemas.journal import JournalMark
from schemas.mt_message import ENCODINGS, DataCoding
from schemas.status import CodeId, StatusName, StatusStage


class LogState(StrEnum):
    """The words of the contract's log (docs/http-api.md)."""

    QUEUED = "Queued"  # accepted, and not yet processed
    IN_PROGRESS = "In Progress"  # on its way to the carrier
    SUCCESS = StatusName.SUCCESS.value
    ROUTING_ERROR = StatusName.ROUTING_ERROR.value
    FAILED = StatusName.FAILED.value


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
            _receipts(it["receipts"]), it["client_reference"], tags_of(it["tags"]),
        )  # fmt: skip

    @property
    def state(self) -> str:
        """The contract's word for where it is; a `LogState`, unless a later version has written another."""
        if self.status is not None:
            return self.status
        return LogState.QUEUED if self.segmented is None else LogState.IN_PROGRESS

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


@dataclass(frozen=True, slots=True)
class SegmentMark:
    """An attempt at a segment: when it began, and the latest that is known of it."""

    seqnum: int
    attempt: int
    began_at: datetime | None
    mark: str
    at: datetime
    carrier_id: str
    carrier_message_id: str | None
    error: str | None
    is_whole: bool = False
    """It was an attempt at the whole text, which the carrier cuts itself."""

    @property
    def is_open(self) -> bool:
        """Whether nothing is known of its end."""
        return self.mark == JournalMark.SUBMITTING


@dataclass(frozen=True, slots=True)
class Notified:
    """An attempt to notify, as it went."""

    message_id: str
    trunk_id: str
    stage: str
    at: datetime
    attempt: int
    resent_at: datetime | None
    endpoint: str
    milliseconds: int
    outcome: str
    status_code: int | None
    error: str | None
    answer: str | None

    @property
    def webhook_id(self) -> str:
        """The notification's id."""
        return f"{self.message_id}.{self.stage}"


class EventKind(StrEnum):
    """What can happen to a message."""

    ACCEPTED = "accepted"
    AUTHORIZED = "authorized"
    REFUSED = "refused"
    SUBMITTING = "submitting"
    SEGMENT = "segment"
    PROCESSED = "processed"
    RECEIPT = "receipt"
    DELIVERY = "delivery"
    CALLBACK = "callback"


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """Something that happened to a message. `good` None: neither good nor bad."""

    at: datetime
    kind: EventKind
    words: str
    good: bool | None = None
    mark: SegmentMark | None = None
    callback: Notified | None = None


@dataclass(frozen=True, slots=True)
class MessageHistory:
    """A message with everything that is known of its way."""

    message: LoggedMessage
    marks: tuple[SegmentMark, ...]
    callbacks: tuple[Notified, ...]

    def events(self) -> list[MessageEvent]:
        """Return what happened, in order."""
        found = [*_of_entry(self.message)]
        found += [it for mark in self.marks for it in _of_mark(mark, self.message.segments)]
        found += [_of_callback(it) for it in self.callbacks]
        order = list(EventKind)
        return sorted(found, key=lambda it: (it.at, order.index(it.kind)))


def _of_entry(entry: LoggedMessage) -> Iterable[MessageEvent]:
    yield MessageEvent(entry.accepted_at, EventKind.ACCEPTED, "Accepted")
    if entry.segmented is not None:
        count = entry.segments or 0
        yield MessageEvent(
            entry.segmented_at or entry.accepted_at,
            EventKind.AUTHORIZED,
            f"Authorized and routed: {count} segment{'' if count == 1 else 's'}, {entry.encoding}",
        )
    if entry.status is not None:
        refused = entry.segmented is None and entry.status != LogState.SUCCESS
        yield MessageEvent(
            entry.ended_at or entry.accepted_at,
            EventKind.REFUSED if refused else EventKind.PROCESSED,
            outcome_words(entry),
            entry.status == LogState.SUCCESS,
        )
    for receipt in entry.receipts:
        which = f"Segment {receipt.seqnum}" + (f" of {entry.segments}" if entry.segments else "")
        code = f", error {receipt.error_code}" if receipt.error_code else ""
        state = receipt.state
        good = True if state is MessageState.DELIVERED else False if state.is_final else None
        yield MessageEvent(receipt.at, EventKind.RECEIPT, f"{which}: the receipt says {state.name.lower()}{code}", good)
    if entry.delivery_status is not None:
        because = f": {entry.delivery_reason}" if entry.delivery_reason else ""
        yield MessageEvent(
            entry.delivery_ended_at or entry.accepted_at,
            EventKind.DELIVERY,
            f"Delivery: {entry.delivery_status}{because}",
            is_delivered(entry.delivery_status),
        )


def is_delivered(status: str) -> bool:
    """Tell whether the status of the delivery stage is the good one."""
    return status.upper() in DELIVERED_WORDS


def outcome_words(entry: LoggedMessage) -> str:
    """Return a processing status in words."""
    if entry.status == LogState.SUCCESS:
        again = ", perhaps twice" if entry.possible_duplicate else ""
        return (
            f"Handed to the carrier: {entry.segments_sent} of {entry.segments or entry.segments_sent} segments{again}"
        )
    meaning = MEANINGS.get(entry.code_id or 0, "no reason given")
    because = entry.reason if entry.reason and entry.reason != meaning else None
    return f"{entry.status}: {meaning} (code {entry.code_id})" + (f", {because}" if because else "")


_MARKS: Final[dict[str, tuple[str, bool | None]]] = {
    JournalMark.ACCEPTED: ("taken by the carrier", True),
    JournalMark.REFUSED: ("refused by the carrier", False),
    JournalMark.NOT_SENT: ("not taken, and may be tried again", False),
    JournalMark.IN_DOUBT: ("in doubt: the carrier may or may not have taken it", False),
}


def _of_mark(mark: SegmentMark, segments: int | None) -> Iterable[MessageEvent]:
    which = "The whole text" if mark.is_whole else f"Segment {mark.seqnum}" + (f" of {segments}" if segments else "")
    again = "" if mark.attempt == 1 else f", attempt {mark.attempt}"
    if mark.began_at is not None:
        yield MessageEvent(mark.began_at, EventKind.SUBMITTING, f"{which}{again}: posted to the carrier", mark=mark)
    because = f": {mark.error}" if mark.error else ""
    words, good = _MARKS.get(mark.mark, (mark.mark, None))
    if mark.is_open:
        if mark.began_at is None:
            yield MessageEvent(mark.at, EventKind.SUBMITTING, f"{which}{again}: posted to the carrier", mark=mark)
        return
    yield MessageEvent(mark.at, EventKind.SEGMENT, f"{which}{again}: {words}{because}", good, mark=mark)


def _of_callback(it: Notified) -> MessageEvent:
    what = "Callback" if it.stage == StatusStage.PROCESSING else "Receipt callback"
    again = " (resent)" if it.resent_at else ""
    answer = f"{it.status_code}" if it.status_code else it.error or "no answer"
    words = f"{what}, attempt {it.attempt}{again}: {it.outcome}, {answer} after {it.milliseconds:,} ms"
    return MessageEvent(it.at, EventKind.CALLBACK, words, it.outcome == "accepted", callback=it)


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


def _price(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None
