"""Records and time become statuses, written in one transaction with what is known from then on.

Exactly one final status rests on that: after a crash the topic `sms.dlr.gathered` says that a message has ended if and
only if its status is there. What was read and not committed comes again, and says nothing new.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, NamedTuple, Protocol

from pydantic import ValidationError

from pipeline.dead_letters.letter import dead_letter
from pipeline.failpoints import failpoint
from pipeline.kafka.consuming.work import Work
from pipeline.metrics import MESSAGES
from pipeline.receipts import matching
from pipeline.receipts.memory import Kept, Known, Memory
from pipeline.receipts.roll_up import note_receipt, note_status, note_time, wants_receipts
from pipeline.steps.admission.submitted_record import describe
from pipeline.tracing.spans import MESSAGE_ID, OUTCOME, UNTRACED, Span, Tracing, handed_on
from schemas.headers.trace import trace_of
from schemas.messages.dlr import ExpectedReceipt, SegmentReceipt, UnmatchedReceipt, carrier_key
from schemas.messages.status import DeliveryName, MessageStatus
from schemas.record import Header, InRecord, OutRecord
from schemas.state.roll_up import Match, RollUp
from schemas.topics import DLR_EXPECTED, DLR_GATHERED, DLR_MATCHED, DLR_RECEIVED, STATUS

STAGE: Final = "receipts"
UNREADABLE: Final = "schema-violation"
DUE_AT_ONCE: Final = 500
WANTED: Final = b'"receipts":true'
"""What a status that waits for receipts has in it, as our own agents write it; a text has its quotes escaped."""

_ended = {name: MESSAGES.labels(STAGE, name.value.lower()) for name in DeliveryName}


class Transactions(Protocol):
    """What is used of `HandOff`."""

    async def write(self, partition: int, records: Sequence[OutRecord]) -> None:
        """Write `records` in one transaction of the partition's owner."""


class Polls(Protocol):
    """What is used of `Poller`."""

    def every(self, carrier_id: str) -> timedelta | None:
        """Return how long after a POST a carrier is asked; None for one that reports by itself."""

    def has_room(self, carrier_id: str) -> bool:
        """Tell whether one more question to a carrier can wait."""

    def ask(self, expected: ExpectedReceipt) -> None:
        """Ask in the background; what is reported comes as a record."""


class Memories(NamedTuple):
    """What is known: of messages, and of what carriers call by ids of their own."""

    messages: Memory[RollUp]
    matches: Memory[Match]


def is_wanted(topic: str, value: bytes | None) -> bool:
    """Tell at a glance whether a record is to be read: of most statuses nobody awaits a receipt."""
    return topic != STATUS or (value is not None and WANTED in value)


class Gatherer:
    """Takes records in and lets time pass, one after the other: `settling` is held while anything is on its way."""

    def __init__(
        self,
        memories: Memories,
        transactions: Transactions,
        patience: timedelta,
        polls: Polls,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        tracing: Tracing = UNTRACED,
    ) -> None:
        self._memories = memories
        self._transactions = transactions
        self._patience = patience
        self._polls = polls
        self._clock = clock
        self._tracing = tracing
        self.settling = asyncio.Lock()

    async def take(self, batch: Sequence[Work], may_begin: Callable[[Work], Awaitable[bool]]) -> None:
        """Work on records. Raises `NotAcknowledged` when it is not certain what has been written."""
        async with self.settling:
            begun = [work for work in batch if await may_begin(work)]
            letters: dict[int, OutRecord] = {}
            changes = _Changes(self._memories, self._tracing)
            for number, work in enumerate(begun):
                try:
                    self._note(work.record, changes)
                except ValidationError as error:
                    if work.record.topic != STATUS:  # of those, whoever notifies makes dead letters
                        letters[number] = dead_letter(
                            work.record, stage=STAGE, reason=UNREADABLE, detail=describe(error)
                        )
            await self._write(changes)
            if changes.ended:
                failpoint("receipts.after_telling")
            for number, work in enumerate(begun):
                if work.lost:
                    work.abandon()
                else:
                    work.finish([letters[number]] if number in letters else [])

    def _note(self, record: InRecord, changes: "_Changes") -> None:
        """Take in one record. Raises `ValidationError` for one that is not what its topic holds."""
        value, partition, patience = record.value or b"", record.partition, self._patience
        if record.topic == STATUS:
            status = MessageStatus.from_bytes(value)
            if wants_receipts(status):
                key = status.message_id.encode()
                step = note_status(changes.messages.get(key), status, patience)
                rolled_up = None if step.known is None else step.known.in_trace(trace_of(record.headers))
                changes.note_message(partition, key, rolled_up, step.statuses)
        elif record.topic == DLR_RECEIVED:
            receipt = SegmentReceipt.from_bytes(value)
            key = receipt.message_id.encode()
            changes.note_message(partition, key, *note_receipt(changes.messages.get(key), receipt, patience))
        elif record.topic == DLR_EXPECTED:
            expected = ExpectedReceipt.from_bytes(value)
            key = carrier_key(expected.carrier_id, expected.carrier_message_id)
            known = changes.matches.get(key)
            every = self._polls.every(expected.carrier_id)
            changes.note_match(partition, key, matching.note_expected(known, expected, patience, every))
        else:
            unmatched = UnmatchedReceipt.from_bytes(value)
            key = carrier_key(unmatched.carrier_id, unmatched.carrier_message_id)
            known = changes.matches.get(key)
            changes.note_match(partition, key, matching.note_unmatched(known, unmatched, patience))

    async def pass_time(self, is_ours: Callable[[int], bool]) -> int:
        """Do some of what is due; return how much that was. Raises as `take`."""
        async with self.settling:
            now = self._clock()
            changes = _Changes(self._memories, self._tracing)
            messages = [it for it in self._memories.messages.due(now, DUE_AT_ONCE) if is_ours(it.partition)]
            matches = [it for it in self._memories.matches.due(now, DUE_AT_ONCE) if is_ours(it.partition)]
            for partition, key, message in messages:
                if message is not None:
                    changes.note_message(partition, key, *note_time(message, now))
            for partition, key, match in matches:
                if match is not None:
                    changes.note_match(partition, key, self._time_of(match, now))
            await self._write(changes)
            for expected in changes.to_ask:
                self._polls.ask(expected)
            return max(len(messages), len(matches))

    def _time_of(self, match: Match, now: datetime) -> matching.MatchStep:
        if match.expected is None:
            return matching.note_time(match, now, self._patience)
        carrier_id = match.expected.carrier_id
        every, has_room = self._polls.every(carrier_id), self._polls.has_room(carrier_id)
        return matching.note_time(match, now, self._patience, every, has_room=has_room)

    async def _write(self, changes: "_Changes") -> None:
        for partition, records in changes.records().items():
            await self._transactions.write(partition, records)
        self._memories.messages.keep(changes.messages.kept())
        self._memories.matches.keep(changes.matches.kept())
        for status in changes.ended:
            _ended[DeliveryName(status.status)].inc()
        for span in changes.spans:
            span.end()


class _Changed(Generic[Known]):
    """What of one memory has changed: nothing of it is known to anybody else yet."""

    def __init__(self, memory: Memory[Known], topic: str) -> None:
        self._memory = memory
        self._topic = topic
        self._changed: dict[bytes, Kept[Known]] = {}

    def get(self, key: bytes) -> Known | None:
        changed = self._changed.get(key)
        return self._memory.get(key) if changed is None else changed.known

    def note(self, partition: int, key: bytes, known: Known | None) -> None:
        if known is None or known != self.get(key):
            self._changed[key] = Kept(partition, key, known)

    def kept(self) -> Iterator[Kept[Known]]:
        return iter(self._changed.values())

    def records(self) -> Iterator[tuple[int, OutRecord]]:
        for partition, key, known in self._changed.values():
            value = None if known is None else known.to_bytes()
            yield partition, OutRecord(self._topic, key, value, partition=partition)


class _Changes:
    """What a few records have changed, and what follows from them."""

    def __init__(self, memories: Memories, tracing: Tracing) -> None:
        self._tracing = tracing
        self.spans: list[Span] = []
        self.messages = _Changed(memories.messages, DLR_GATHERED)
        self.matches = _Changed(memories.matches, DLR_MATCHED)
        self.ended: list[MessageStatus] = []
        self.to_ask: list[ExpectedReceipt] = []
        self._following: list[tuple[int, OutRecord]] = []

    def note_message(self, partition: int, key: bytes, known: RollUp | None, statuses: Sequence[MessageStatus]) -> None:
        before = self.messages.get(key) if statuses else None
        self.messages.note(partition, key, known)
        for status in statuses:
            self.ended.append(status)
            headers = self._trace_headers(known, before, status)
            self._following.append((partition, OutRecord(STATUS, key, status.to_bytes(), headers, partition)))

    def _trace_headers(self, known: RollUp | None, before: RollUp | None, status: MessageStatus) -> tuple[Header, ...]:
        """Return how a status goes on with the trace of its message: a span since its success, if that is known."""
        trace = None if known is None else known.trace
        if trace is None:
            return ()
        since = None if before is None else min((it.ended_at for it in before.waiting), default=None)
        span = self._tracing.span("receipt", trace, began_ns=None if since is None else int(since.timestamp() * 1e9))
        span.note({MESSAGE_ID: status.message_id, OUTCOME: status.status})
        self.spans.append(span)
        return handed_on(span)

    def note_match(self, partition: int, key: bytes, step: matching.MatchStep) -> None:
        self.matches.note(partition, key, step.known)
        if step.receipt is not None:
            record = OutRecord(DLR_RECEIVED, step.receipt.message_id.encode(), step.receipt.to_bytes())
            self._following.append((partition, record))
        if step.ask is not None:
            self.to_ask.append(step.ask)

    def records(self) -> dict[int, list[OutRecord]]:
        """Return what is to be written, by the partition whose owner writes it."""
        found: dict[int, list[OutRecord]] = {}
        for partition, record in (*self.messages.records(), *self.matches.records(), *self._following):
            found.setdefault(partition, []).append(record)
        return found
