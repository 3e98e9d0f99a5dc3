"""Records and time become statuses, written in one transaction with what is known from then on.

Exactly one final status rests on that: after a crash the topic `sms.dlr.gathered` says that a message has ended if and
only if its status is there. What was read and not committed comes again, and says nothing new.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import structlog
from pydantic import ValidationError

from pipeline.dead_letters.letter import dead_letter
from pipeline.failpoints import failpoint
from pipeline.kafka.consuming.work import Work
from pipeline.metrics import MESSAGES
from pipeline.receipts.memory import Kept, Memory
from pipeline.receipts.roll_up import Step, note_receipt, note_status, note_time, wants_receipts
from pipeline.steps.submitted_record import describe
from schemas.dlr import SegmentReceipt
from schemas.record import InRecord, OutRecord
from schemas.roll_up import RollUp
from schemas.status import DeliveryName, MessageStatus
from schemas.topics import DLR_GATHERED, STATUS

STAGE: Final = "receipts"
UNREADABLE: Final = "schema-violation"
DUE_AT_ONCE: Final = 500
WANTED: Final = b'"receipts":true'
"""What a status that waits for receipts has in it, as our own agents write it; a text has its quotes escaped."""

_ended = {name: MESSAGES.labels(STAGE, name.value.lower()) for name in DeliveryName}

log = structlog.get_logger(__name__)


class Transactions(Protocol):
    """What is used of `HandOff`."""

    async def write(self, partition: int, records: Sequence[OutRecord]) -> None:
        """Write `records` in one transaction of the partition's owner."""


def is_wanted(topic: str, value: bytes | None) -> bool:
    """Tell at a glance whether a record is to be read: of most statuses nobody awaits a receipt."""
    return topic != STATUS or (value is not None and WANTED in value)


class Gatherer:
    """Takes records in and lets time pass, one after the other: `settling` is held while anything is on its way."""

    def __init__(
        self,
        memory: Memory,
        transactions: Transactions,
        patience: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._memory = memory
        self._transactions = transactions
        self._patience = patience
        self._clock = clock
        self.settling = asyncio.Lock()

    async def take(self, batch: Sequence[Work], may_begin: Callable[[Work], Awaitable[bool]]) -> None:
        """Work on records. Raises `NotAcknowledged` when it is not certain what has been written."""
        async with self.settling:
            begun = [work for work in batch if await may_begin(work)]
            letters: dict[int, OutRecord] = {}
            changes = _Changes(self._memory)
            for number, work in enumerate(begun):
                letter = self._note(work.record, changes)
                if letter is not None:
                    letters[number] = letter
            await self._write(changes)
            failpoint("receipts.after_write")
            for number, work in enumerate(begun):
                if work.lost:
                    work.abandon()
                else:
                    work.finish([letters[number]] if number in letters else [])

    def _note(self, record: InRecord, changes: "_Changes") -> OutRecord | None:
        """Take in one record; return the dead letter of one that cannot be read."""
        value = record.value or b""
        try:
            if record.topic == STATUS:
                status = MessageStatus.from_bytes(value)
                if wants_receipts(status):
                    known = changes.get(status.message_id)
                    changes.note(record.partition, status.message_id, note_status(known, status, self._patience))
                return None
            receipt = SegmentReceipt.from_bytes(value)
        except ValidationError as error:
            if record.topic == STATUS:
                return None  # whoever notifies makes a dead letter of it
            return dead_letter(record, stage=STAGE, reason=UNREADABLE, detail=describe(error))
        known = changes.get(receipt.message_id)
        changes.note(record.partition, receipt.message_id, note_receipt(known, receipt, self._patience))
        return None

    async def pass_time(self, is_ours: Callable[[int], bool]) -> int:
        """Do some of what is due; return how much that was. Raises as `take`."""
        async with self.settling:
            now = self._clock()
            changes = _Changes(self._memory)
            due = [it for it in self._memory.due(now, DUE_AT_ONCE) if is_ours(it.partition)]
            for partition, message_id, known in due:
                if known is not None:
                    changes.note(partition, message_id, note_time(known, now))
            await self._write(changes)
            return len(due)

    async def _write(self, changes: "_Changes") -> None:
        for partition, records in changes.records().items():
            await self._transactions.write(partition, records)
        self._memory.keep(changes.kept())
        for name, count in changes.ended.items():
            _ended[DeliveryName(name)].inc(count)


class _Changes:
    """What a few records have changed: nothing of it is known to anybody else yet."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known: dict[str, Kept] = {}
        self._statuses: list[tuple[int, MessageStatus]] = []
        self.ended: Counter[str] = Counter()

    def get(self, message_id: str) -> RollUp | None:
        changed = self._known.get(message_id)
        return self._memory.get(message_id) if changed is None else changed.known

    def note(self, partition: int, message_id: str, step: Step) -> None:
        if step.known is None or step.known != self.get(message_id):
            self._known[message_id] = Kept(partition, message_id, step.known)
        for status in step.statuses:
            self._statuses.append((partition, status))
            self.ended[status.status] += 1

    def records(self) -> Mapping[int, list[OutRecord]]:
        """Return what is to be written, by partition: it is the same number in all topics about messages."""
        found: dict[int, list[OutRecord]] = {}
        for partition, message_id, known in self._known.values():
            value = None if known is None else known.to_bytes()
            record = OutRecord(DLR_GATHERED, message_id.encode(), value, partition=partition)
            found.setdefault(partition, []).append(record)
        for partition, status in self._statuses:
            record = OutRecord(STATUS, status.message_id.encode(), status.to_bytes(), partition=partition)
            found.setdefault(partition, []).append(record)
        return found

    def kept(self) -> Iterator[Kept]:
        return iter(self._known.values())
