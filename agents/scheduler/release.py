"""What is due, or cancelled, leaves: its message or its status, and that it does not wait any more, in one transaction.

So each message leaves once: after a crash the topic says that it waits if and only if nothing has come of it yet.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

import structlog
from pydantic import ValidationError

from agents.scheduler.intake import STAGE, UNREADABLE
from agents.scheduler.known import Known
from pipeline.carriers.profiles.book import ProfileBook
from pipeline.dead_letters.letter import dead_letter
from pipeline.directory.model import Directory
from pipeline.failpoints import failpoint
from pipeline.metrics import FAILURES, MESSAGES, SCHEDULED_LATE
from pipeline.scheduling.deferred_row import ids_of, message_of, trace_headers
from pipeline.scheduling.deferred_store import Held, Remembered
from pipeline.scheduling.due import canceled_while_waiting, released
from pipeline.settings import MessageSettings
from pipeline.steps.admission.submitted_record import describe
from pipeline.steps.processing import Routed
from schemas.directory.carrier import Profile
from schemas.messages.status import CodeId, MessageStatus, StatusName
from schemas.messages.submission import Submission
from schemas.record import InRecord, OutRecord
from schemas.state.deferred import Deferred, cancel_key, message_key
from schemas.topics import DEFERRED, SCHEDULED, SEGMENTED, STATUS

IsOurs = Callable[[int], bool]
"""Tells whether a partition is ours still."""

AT_ONCE: Final = 500
CANCELED_AT_ONCE: Final = 250
"""Fewer: nobody waits for a moment that was named, and what is due must not wait for a bulk that is cancelled."""
MOST_LEAVING: Final = 20_000
"""So many may have left of which that has not been read back: they are in memory."""

Outcome = Routed | MessageStatus | OutRecord
"""What comes of a message: an `OutRecord` is its dead letter."""

_released = MESSAGES.labels(STAGE, "released")
_refused = MESSAGES.labels(STAGE, "refused")
_canceled = MESSAGES.labels(STAGE, "canceled")
_failures = {code: FAILURES.labels(STAGE, code.name.lower()) for code in CodeId}

log = structlog.get_logger(__name__)


class Transactions(Protocol):
    """What is used of `HandOff`."""

    async def write(self, partition: int, records: Sequence[OutRecord]) -> None:
        """Write `records` in one transaction of the partition's owner."""


class View(Protocol):
    """What is used of `DirectoryView`."""

    @property
    def directory(self) -> Directory:
        """What is configured."""

    def catch_up(self) -> Awaitable[None]:
        """Apply everything that is in the topic now."""


class Release:
    """Lets time pass. `clock` is the time of day, which is what customers name."""

    def __init__(
        self,
        known: Known,
        transactions: Transactions,
        view: View,
        settings: MessageSettings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._known = known
        self._transactions = transactions
        self._view = view
        self._settings = settings
        self._alphabets_of = ProfileBook(partial(view.directory.get, Profile)).national_alphabets
        self._clock = clock

    async def pass_time(self, is_ours: IsOurs) -> bool:
        """Do some of what is due; tell whether there may be more. Raises `NotAcknowledged`."""
        store = self._known.store
        async with self._known.settling:
            if store.is_empty or store.leaving >= MOST_LEAVING:
                return False
            now = self._clock()
            now_ms = int(now.timestamp() * 1000)
            due = [it for it in store.due(now_ms, AT_ONCE) if is_ours(it.partition)]
            canceled = [it for it in store.canceled(CANCELED_AT_ONCE) if is_ours(it.partition)]
            over = [it for it in store.over(now_ms, AT_ONCE) if is_ours(it.partition)]
            if not due and not canceled and not over:
                return False
            outcomes = await self._outcomes(due, canceled, now)
            await self._write(outcomes, over, is_ours)
            _count(outcomes, now_ms)
            first_due_ms = store.first_due_ms()
            is_more_due = first_due_ms is not None and first_due_ms <= now_ms
            return is_more_due or len(canceled) >= CANCELED_AT_ONCE or len(over) >= AT_ONCE

    async def _outcomes(
        self, due: Sequence[Held], canceled: Sequence[Held], now: datetime
    ) -> list[tuple[Held, Outcome]]:
        parts = [(it, _read(it)) for it in due]
        found = [(it, self._released(part, now)) for it, part in parts]
        if any(isinstance(outcome, MessageStatus) for _, outcome in found):
            # A refusal stands only when it is not this view that is behind: of a route that has just come, say.
            await self._view.catch_up()
            found = [
                (it, self._released(part, now) if isinstance(outcome, MessageStatus) else outcome)
                for (it, outcome), (_, part) in zip(found, parts, strict=True)
            ]
        for it in canceled:
            found.append((it, self._canceled(_read(it), now)))
        return found

    def _canceled(self, part: Submission | OutRecord, now: datetime) -> Outcome:
        if isinstance(part, OutRecord):
            return part
        return canceled_while_waiting(part, self._view.directory, now)

    def _released(self, part: Submission | OutRecord, now: datetime) -> Outcome:
        if isinstance(part, OutRecord):
            return part
        return released(part, self._view.directory, self._settings, now, self._alphabets_of)

    async def _write(
        self, outcomes: Sequence[tuple[Held, Outcome]], over: Sequence[Remembered], is_ours: IsOurs
    ) -> None:
        """Write, partition by partition; what is known changes when it is certain."""
        records: defaultdict[int, list[OutRecord]] = defaultdict(list)
        messages: defaultdict[int, list[Held]] = defaultdict(list)
        wishes: defaultdict[int, list[Remembered]] = defaultdict(list)
        for it, outcome in outcomes:
            messages[it.partition].append(it)
            records[it.partition] += [_record(it, outcome), _gone(it.partition, message_key(*ids_of(it.name)))]
        for wish in over:
            wishes[wish.partition].append(wish)
            key = cancel_key(*ids_of(wish.name), bulk=wish.is_bulk)
            records[wish.partition].append(_gone(wish.partition, key))
        for partition, written in records.items():
            failpoint("scheduler.before_release")
            if not is_ours(partition):  # it has gone meanwhile, and nothing would be written
                continue
            await self._transactions.write(partition, written)
            failpoint("scheduler.after_release")
            self._known.store.left(messages[partition], wishes[partition])


def _read(held: Held) -> Submission | OutRecord:
    """Return the submission that waits; of one that this version cannot read, its dead letter, to be replayed."""
    try:
        message = Deferred.from_bytes(held.value).message
        if message is not None:
            return message
        detail = "no message"
    except ValidationError as error:
        detail = describe(error)
    trunk_id, _ = ids_of(held.name)
    record = InRecord(SCHEDULED, held.partition, 0, held.due_ms, trunk_id.encode(), message_of(held.value), ())
    return dead_letter(record, stage=STAGE, reason=UNREADABLE, detail=detail)


def _record(held: Held, outcome: Outcome) -> OutRecord:
    if isinstance(outcome, OutRecord):
        return outcome
    trace = trace_headers(held.value)
    if isinstance(outcome, Routed):
        return OutRecord(SEGMENTED, outcome.destination.encode(), outcome.value, trace)
    return OutRecord(STATUS, outcome.message_id.encode(), outcome.to_bytes(), trace)


def _gone(partition: int, key: bytes) -> OutRecord:
    return OutRecord(DEFERRED, key, None, partition=partition)


def _count(outcomes: Sequence[tuple[Held, Outcome]], now_ms: int) -> None:
    for it, outcome in outcomes:
        if isinstance(outcome, OutRecord):
            log.error("scheduled_unreadable", partition=it.partition, due_ms=it.due_ms)
        elif isinstance(outcome, Routed):
            _released.inc()
            SCHEDULED_LATE.observe(max(0.0, (now_ms - it.due_ms) / 1000))
        elif outcome.status == StatusName.CANCELED:
            _canceled.inc()
        else:
            _refused.inc()
            if outcome.code_id is not None:
                _failures[outcome.code_id].inc()
