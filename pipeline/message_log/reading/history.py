"""What happened to a message, event by event, in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from pipeline.counted import counted
from pipeline.message_log.reading.message import DELIVERED_WORDS, MEANINGS, LoggedMessage, LogState
from schemas.messages.callback import AttemptOutcome
from schemas.messages.dlr import MessageState
from schemas.messages.status import StatusStage
from schemas.state.journal import JournalMark
from schemas.text.smart_encoding import ChangeStep


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
    SCHEDULED = "scheduled"
    CANCEL_REQUESTED = "cancel_requested"
    RELEASED = "released"
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


class CancelWish(NamedTuple):
    """That a message be not sent, or all of its bulk, and since when."""

    at: datetime
    is_bulk: bool


@dataclass(frozen=True, slots=True)
class MessageHistory:
    """A message with everything that is known of its way."""

    message: LoggedMessage
    marks: tuple[SegmentMark, ...]
    callbacks: tuple[Notified, ...]
    wish: CancelWish | None = None
    """The first of those that it be cancelled."""

    def events(self) -> list[MessageEvent]:
        """Return what happened, in order."""
        found = [*_of_entry(self.message), *_of_schedule(self.message, self.wish)]
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
            f"Authorized and routed: {counted(count, 'segment')}, {entry.encoding}{_text_words(entry)}",
        )
    if entry.status is not None:
        refused = entry.segmented is None and entry.status not in (LogState.SUCCESS, LogState.CANCELED)
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


def _of_schedule(entry: LoggedMessage, wish: CancelWish | None) -> Iterable[MessageEvent]:
    if entry.scheduled_at is not None and entry.send_at is not None:
        words = f"Scheduled for {entry.send_at:%Y-%m-%d %H:%M:%S} UTC"
        yield MessageEvent(entry.scheduled_at, EventKind.SCHEDULED, words)
        if entry.segmented_at is not None:
            yield MessageEvent(entry.segmented_at, EventKind.RELEASED, "Released: its time had come")
    if wish is not None:
        what = "its bulk" if wish.is_bulk else "the message"
        yield MessageEvent(wish.at, EventKind.CANCEL_REQUESTED, f"Asked to cancel {what}")


def _text_words(entry: LoggedMessage) -> str:
    """Say what has become of a text."""
    language = entry.national_language
    words = "" if language is None else f" with the {language.capitalize()} tables"
    counts = {step: sum(it.count for it in entry.text_changes if it.step is step) for step in ChangeStep}
    told = [f"{count} {step.value}" for step, count in counts.items() if count]
    return words + (f"; characters of the text: {', '.join(told)}" if told else "")


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
    if entry.status == LogState.CANCELED:
        return "Canceled by the customer before a carrier had any of it"
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
    if it.outcome == AttemptOutcome.FILTERED:
        words = f"{what} not posted: the trunk has not chosen this event"
        return MessageEvent(it.at, EventKind.CALLBACK, words, callback=it)
    again = " (resent)" if it.resent_at else ""
    answer = f"{it.status_code}" if it.status_code else it.error or "no answer"
    words = f"{what}, attempt {it.attempt}{again}: {it.outcome}, {answer} after {it.milliseconds:,} ms"
    return MessageEvent(it.at, EventKind.CALLBACK, words, it.outcome == "accepted", callback=it)
