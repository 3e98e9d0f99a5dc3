"""From a record to its turn: it becomes a message, and lines up for its carrier.

What an earlier life has begun is settled first; all else waits its turn. A message is read at its first attempt from
`sms.mt.segmented`, later from a retry tier.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from pydantic import ValidationError

from agents.posting_agent import FindWork
from pipeline.carriers.decision import Progress
from pipeline.carriers.journal import JournalState
from pipeline.dead_letters.letter import place_of
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.work import Work
from pipeline.posting.backlog import Backlog
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.flows import Kind
from pipeline.posting.intake import Entry, Intake
from pipeline.posting.peers.known_peers import Peers
from pipeline.posting.peers.peer import Peer
from pipeline.posting.row import FlowKey, Row
from pipeline.steps.admission.submitted_record import describe
from schemas.messages.mt_message import MtMessage, WaitingMessage
from schemas.record import Coordinates, InRecord
from schemas.topics import SEGMENTED


@dataclass(slots=True)
class Reading:
    """A message to deliver, from segment `first_seqnum` on."""

    consumer: TrackedConsumer
    work: Work
    message: MtMessage
    first_seqnum: int
    progress: Progress


@dataclass(slots=True)
class Unreadable:
    """A record that is not what its topic holds; `detail` says why, without its content."""

    consumer: TrackedConsumer
    work: Work
    detail: str


def read(consumer: TrackedConsumer, work: Work) -> Reading | Unreadable:
    """Read a record."""
    value = work.record.value or b""
    try:
        if work.record.topic == SEGMENTED:
            progress = Progress(attempt=1, first_attempt_at=datetime.now(UTC))
            return Reading(consumer, work, MtMessage.from_bytes(value), 1, progress)
        waiting = WaitingMessage.from_bytes(value)
    except ValidationError as error:
        return Unreadable(consumer, work, describe(error))
    except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the agent at each of its lives
        return Unreadable(consumer, work, place_of(error))
    progress = Progress(waiting.attempt, waiting.first_attempt_at, waiting.in_doubt, waiting.possible_duplicate)
    return Reading(consumer, work, waiting.message, waiting.next_seqnum, progress)


def entry_of(reading: Reading) -> Entry[Reading]:
    """Return what the intake needs to know of a message: it waits for its carrier, in its trunk's flow."""
    message, record = reading.message, reading.work.record
    return Entry(
        FlowKey(message.carrier_id, message.trunk_id, message.account_id),
        lane_of(record),
        Kind.FRESH if record.topic == SEGMENTED else Kind.LATER,
        record,
        reading,
        int(message.expires_at.timestamp() * 1000),
        takers=() if message.alternatives is None else _takers(reading),
    )


def _takers(reading: Reading) -> tuple[str, ...]:
    """Return the carriers that may take a message: its own alone when some of it may have been taken there."""
    untouched = reading.first_seqnum == 1 and not reading.progress.in_doubt
    return reading.message.carriers if untouched else ()


def lane_of(record: InRecord) -> int:
    """Return the lane of a record: messages to one number stay in order, and so do the few that share its lane."""
    return crc32(record.key or b"") + 1


class LineUp:
    """Takes records in. `settle` ends a message without a POST, `refuse` a record that cannot be read.

    `spawn` makes a task of what ends by itself.
    """

    def __init__(
        self,
        settle: Callable[[Reading], Awaitable[None]],
        refuse: Callable[[Unreadable], Coroutine[Any, Any, None]],
        journal: JournalState,
        dispatcher: Dispatcher[Entry[Reading]],
        backlog: Backlog,
        peers: Peers,
        *,
        reach: Callable[[Peer], Awaitable[bool]],
        find_work: FindWork,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._settle = settle
        self._refuse = refuse
        self._journal = journal
        self._backlog = backlog
        self._find_work = find_work
        self._spawn = spawn
        self._begun_parked: list[Coordinates] = []
        self.intake = Intake(
            dispatcher, backlog, peers, restore=self._restore, expire=self._expire, reach=reach, moves=lambda _: True
        )  # fmt: skip

    def settle_first(self, coordinates: Sequence[Coordinates]) -> None:
        """Settle these parked records, which an earlier life has begun, before anything that is read next."""
        self._begun_parked = list(coordinates)

    async def take(self, consumer: TrackedConsumer, batch: Sequence[Work]) -> None:
        """Take in records that have come."""
        await self._settle_parked()
        entries: list[Entry[Reading]] = []
        for work in batch:
            item = read(consumer, work)
            if isinstance(item, Unreadable):
                await self._refuse(item)
            elif self._journal.knows(work.record.coordinates):
                # Begun by an earlier life: what is known of it is settled before it may wait for anything.
                await self._settle(item)
            else:
                entries.append(entry_of(item))
        await self.intake.take(entries)

    async def _settle_parked(self) -> None:
        begun, self._begun_parked = self._begun_parked, []
        for coordinates in begun:
            row = self._backlog.find(*coordinates)
            if row is not None and (entry := self._restore(row)) is not None:
                self._backlog.drop([row])
                await self._settle(entry.payload)

    def _restore(self, row: Row) -> Entry[Reading] | None:
        found = self._find_work(row)
        if found is None:
            return None
        item = read(*found)
        if isinstance(item, Unreadable):
            self._spawn(self._refuse(item))
            return None
        entry = entry_of(item)
        entry.stored = row.stored
        if entry.takers:
            entry.flow = row.flow  # it may have moved on already
        return entry

    async def _expire(self, entry: Entry[Reading]) -> None:
        await self._settle(entry.payload)
