"""Topics in memory, and the lives of processors that work on them and are killed anywhere."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from agents.processor.brake import Brake
from agents.processor.counting import Counting
from agents.processor.worker import Taken, Worker
from pipeline.errors import NotAcknowledged
from pipeline.kafka.views.account_screens_view import AccountScreensView
from pipeline.kafka.views.screens_view import ScreensView
from pipeline.limits.counts import DayCounts
from pipeline.limits.guards import MINUTE_MS, guards_of
from pipeline.settings import MessageSettings
from schemas.directory.account import Account
from schemas.directory.entry import DirectoryEntry
from schemas.headers.causation import Causation, causation_of
from schemas.record import InRecord, OutRecord
from schemas.state.day_count import DayCount
from schemas.topics import COUNTED, SCREENED, SEGMENTED, STATUS, SUBMITTED
from tests.builders import directory_of
from tests.fakes.directory_view import DirectoryViewInMemory
from tests.fakes.screens_view import FollowerInMemory, Screened

EVERYTHING = 10**9
PARTITIONS = 2


@dataclass
class World:
    """Topics, and how far each of two partitions is committed; a subclass says what is in the directory."""

    now_ms: int = 0
    submitted: tuple[list[InRecord], list[InRecord]] = field(default_factory=lambda: ([], []))
    committed: list[int] = field(default_factory=lambda: [0, 0])
    written: list[OutRecord] = field(default_factory=list)
    screened: list[Screened] = field(default_factory=list)

    def directory(self) -> list[DirectoryEntry]:
        """Return what processors know now."""
        raise NotImplementedError

    def take_in(self, place: int, value: bytes) -> None:
        """Have a record in the topic of submissions."""
        records = self.submitted[place]
        records.append(InRecord(SUBMITTED, place, len(records), self.now_ms, None, value, ()))

    def has_waited_ms(self, place: int) -> int:
        """Return how old the oldest record of a partition is that is not committed."""
        waiting = self.submitted[place][self.committed[place] :]
        return self.now_ms - waiting[0].timestamp_ms if waiting else 0

    def write(self, records: Sequence[OutRecord]) -> None:
        """Have records in their topics."""
        self.written += records
        self.screened += [Screened(it.partition or 0, self.now_ms, it.value) for it in records if it.topic == SCREENED]

    def decided(self) -> dict[tuple[int, int, int], set[tuple[str, bytes]]]:
        """Return every outcome of every message, by where it comes from: one each is right."""
        found: dict[tuple[int, int, int], set[tuple[str, bytes]]] = defaultdict(set)
        for record in self.written:
            if record.topic in (SEGMENTED, STATUS):
                origin = cast("Causation", causation_of(record.headers))
                found[origin[:3]].add((record.topic, record.value or b""))
        return found


class Process:
    """One life of a processor of one partition; `lives_for` so many records written, some of the last write too."""

    def __init__(self, world: World, place: int, lives_for: int) -> None:
        self.counts = DayCounts()
        self._world = world
        self._place = place
        self._left = lives_for
        self._acked = world.committed[place]
        self._assignments = 1
        self.view = DirectoryViewInMemory(directory_of(*world.directory()))
        self._screenings = ScreensView(
            cast("Any", FollowerInMemory(world.screened, PARTITIONS)),
            assignments=lambda: self._assignments,
            reach_ms=lambda: MINUTE_MS * self.view.directory.longest_window_minutes(),
            limit_seconds=10,
        )
        self._account_screens = AccountScreensView(
            cast("Any", FollowerInMemory(world.screened, PARTITIONS)),
            self._screenings.screens,
            guards_of=lambda it: guards_of(cast("Account", self.view.directory.account(it))),
            reach_seconds=lambda: 60 * self.view.directory.longest_window_minutes(Account),
        )
        self._intake: asyncio.Queue[Taken] = asyncio.Queue()
        counting = Counting(cast("Any", self.view), self, self._screenings)
        self._worker = Worker(
            self._intake, cast("Any", self), cast("Any", self.view), cast("Any", self), counting,
            MessageSettings(), Brake(0, lambda _: True),
        )  # fmt: skip
        self.learn()

    def learn(self) -> None:
        for record in self._world.written:
            if record.topic == COUNTED:
                self.counts.learn(record.partition or 0, DayCount.from_bytes(record.value or b""))

    async def take_over(self, partition: int) -> None:
        assert partition == self._place

    async def unheld(self, records: Sequence[InRecord]) -> list[dict[int, Any]]:
        return [{} for _ in records]

    async def write(self, records: Iterable[OutRecord]) -> None:
        taken = list(records)
        self._world.write(taken[: self._left])
        self._left -= len(taken)
        if self._left < 0:
            raise NotAcknowledged("killed")

    async def ack(self, event: Any) -> None:
        self._acked = max(self._acked, event.message.offset + 1)

    async def work(self, *, commits: bool, again: int = 0) -> bool:
        """Work on what is not committed; tell whether it has lived until the end.

        `again`: the partition is given out anew after so many records, which come once more.
        """
        await self._account_screens.start()
        records = self._world.submitted[self._place][self._world.committed[self._place] :]
        running = asyncio.create_task(self._worker.run())
        for it in records[:again]:
            self._take(it)
        while not self._intake.empty() and not running.done():
            await asyncio.sleep(0)
        self._assignments += bool(again)
        for it in records:
            self._take(it)
        end = len(self._world.submitted[self._place])
        while (self._acked < end or not self._intake.empty()) and not running.done():
            await asyncio.sleep(0)
        for _ in range(20):  # what has been taken last is worked on
            await asyncio.sleep(0)
        lives = not running.done()
        running.cancel()
        await asyncio.wait([running])
        if not running.cancelled():
            error = running.exception()
            assert isinstance(error, NotAcknowledged), error
        if commits:
            self._world.committed[self._place] = self._acked
        return lives

    def _take(self, record: InRecord) -> None:
        message = SimpleNamespace(**record._asdict(), timestamp=record.timestamp_ms / 1000)
        self._intake.put_nowait(Taken(SimpleNamespace(message=message), self))


async def _live(world: World, place: int, lives_for: int, *, commits: bool, again: int) -> bool:
    return await Process(world, place, lives_for).work(commits=commits, again=again)


def run(world: World, place: int, lives_for: int = EVERYTHING, *, commits: bool = True, again: int = 0) -> bool:
    """Have a processor of a partition live; tell whether it has come to the end."""
    return asyncio.run(_live(world, place, lives_for, commits=commits, again=again))


def finish(world: World) -> None:
    """Have everything processed."""
    for place in range(PARTITIONS):
        assert run(world, place)
