"""From an admitted submission to the broker's acknowledgement, together with whoever else is waiting.

Each partition of `sms.mt.submitted` is a lane with a group commit of its own: while one record is on its way, the
submissions that arrive for the lane gather into the next. One that is not acknowledged in time is withdrawn if it was
not yet on its way; if it was, it is in doubt. A lane whose broker is silent takes nothing more until it answers, so
that what waits stays bounded and callers need not wait for a time-out to learn it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from pipeline.errors import BrokerUnreachable, NotAcknowledged
from pipeline.failpoints import failpoint
from pipeline.idempotency.keys import SubmissionOffset
from pipeline.kafka.group_commit import GroupCommit
from pipeline.kafka.producer import TopicPartition
from pipeline.metrics import GROUP_SIZE
from schemas.headers.trace import TraceContext
from schemas.messages.submission import MAX_SUBMISSIONS
from schemas.record import Header, OutRecord
from schemas.topics import SUBMITTED

MAX_RECORD_VALUE_BYTES: Final = 900_000  # below the topic's and every producer's limit, with room for the envelope
SWEEP_INTERVAL_SECONDS: Final = 0.2
PAUSE_SECONDS: Final = 0.003
"""Of a busy lane between two writes. Callers wait for their 201 before they send on, so each millisecond more is one in
which they send nothing."""

_group_size = GROUP_SIZE.labels("ingress")


class Producer(Protocol):
    """What is used of `RecordProducer`."""

    def partition_for(self, topic: str, key: bytes) -> Awaitable[int]:
        """Return the partition of `topic` where records with `key` go."""

    def write(self, records: Iterable[OutRecord]) -> Awaitable[Mapping[TopicPartition, int]]:
        """Write all `records`; when they are acknowledged, return the offset after the last one of each partition."""


class Written:
    """Where a submission has been written: set when it is acknowledged, None if even then the broker did not say."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at: SubmissionOffset | None = None


class Entry(NamedTuple):
    """One submission on its way: its trunk's id, and the bytes of its JSON. `written` is for who wants to know."""

    key: bytes
    value: bytes
    written: Written | None = None
    trace: TraceContext | None = None


class _Lane:
    """One partition."""

    def __init__(self, producer: Producer, partition: int, clock: Callable[[], float]) -> None:
        self._producer = producer
        self.partition = partition
        self._clock = clock
        self.commit = GroupCommit(
            self._write,
            max_entries=MAX_SUBMISSIONS,
            max_total=MAX_RECORD_VALUE_BYTES,
            measure=_size,
            pause_seconds=PAUSE_SECONDS,
        )
        self.waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        """Callers in order, each with its deadline."""
        self.writing_since: float | None = None
        self.acknowledged_at = clock()

    async def _write(self, entries: Sequence[Entry]) -> None:
        _group_size.observe(len(entries))
        value = entries[0].value if len(entries) == 1 else b"[%b]" % b",".join([entry.value for entry in entries])
        self.writing_since = self._clock()
        # Trunks of one partition may share a record: the key places it, and the values say whose they are.
        ends = await self._producer.write(
            [OutRecord(SUBMITTED, entries[0].key, value, _headers(entries), self.partition)]
        )
        self.writing_since = None
        self.acknowledged_at = self._clock()
        offset = ends[SUBMITTED, self.partition] - 1
        for element, entry in enumerate(entries):
            if entry.written is not None and offset >= 0:
                entry.written.at = SubmissionOffset(offset, element)

    def add(self, entry: Entry, deadline: float) -> asyncio.Future[None]:
        future = self.commit.add(entry)
        waiting = self.waiting
        while waiting and waiting[0][1].done():
            waiting.popleft()
        waiting.append((deadline, future))
        return future

    def sweep(self, now: float) -> None:
        waiting = self.waiting
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            waiting.popleft()[1].cancel()


def _size(entry: Entry) -> int:
    """Return about how many bytes an entry takes in its record."""
    if entry.trace is None:
        return len(entry.value) + 1
    return len(entry.value) + 1 + sum(len(name) + len(value) + 16 for name, value in entry.trace.headers())


def _headers(entries: Sequence[Entry]) -> tuple[Header, ...]:
    """Return the traces that submissions of one record belong to."""
    if len(entries) == 1:
        trace = entries[0].trace
        return () if trace is None else trace.headers()
    traced = [(element, it.trace) for element, it in enumerate(entries) if it.trace is not None]
    return tuple([header for element, trace in traced for header in trace.headers(element)])


class Submitter:
    """Writes submissions; `run` must be running. `clock` gives seconds that only go forward."""

    def __init__(
        self, producer: Producer, acknowledge_timeout_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._producer = producer
        self._limit = acknowledge_timeout_seconds
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None
        self._lanes: dict[int, _Lane] = {}
        self._lane_by_trunk: dict[str, _Lane] = {}

    async def run(self) -> None:
        """Serve the lanes until cancelled. A failed write ends this with its error, and every caller with it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                while True:
                    await asyncio.sleep(SWEEP_INTERVAL_SECONDS)
                    self.sweep()
        finally:
            self._tasks = None
            for lane in self._lanes.values():
                for _, future in lane.waiting:
                    if not future.done():
                        future.set_exception(NotAcknowledged("the producer has ended", stage="ingress"))

    def sweep(self) -> None:
        """Give up on the callers whose time is over."""
        now = self._clock()
        for lane in self._lanes.values():
            lane.sweep(now)

    @property
    def broker_answers(self) -> bool:
        """False while a record waits for its acknowledgement too long and no lane has got one meanwhile."""
        if self._tasks is None:
            return False
        horizon = self._clock() - self._limit
        silent = any(lane.writing_since is not None and lane.writing_since < horizon for lane in self._lanes.values())
        return not silent or any(lane.acknowledged_at > horizon for lane in self._lanes.values())

    async def partition_of(self, trunk_id: str) -> int:
        """Return where the trunk's submissions go. Raises `BrokerUnreachable`."""
        return (self._lane_by_trunk.get(trunk_id) or await self._find_lane(trunk_id)).partition

    async def submit(
        self, trunk_id: str, value: bytes, written: Written | None = None, trace: TraceContext | None = None
    ) -> None:
        """Return when the broker has the submission whose JSON is `value`; `written` then says where.

        Raises `BrokerUnreachable` when it was not even tried, and `NotAcknowledged` when it may or may not be
        written.
        """
        lane = self._lane_by_trunk.get(trunk_id) or await self._find_lane(trunk_id)
        now = self._clock()
        if self._tasks is None or (lane.writing_since is not None and lane.writing_since < now - self._limit):
            raise BrokerUnreachable("the broker does not answer", stage="ingress")
        failpoint("ingress.before_produce")
        future = lane.add(Entry(trunk_id.encode(), value, written, trace), now + self._limit)
        try:
            await future
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise NotAcknowledged(f"no acknowledgement within {self._limit:g} s", stage="ingress") from None
        except Exception as failure:
            # Whatever ended the write ends the process too (`run`); to this caller all ways are the same.
            raise NotAcknowledged("the write has failed", stage="ingress") from failure
        failpoint("ingress.after_acknowledge")

    async def _serve(self, lane: _Lane) -> None:
        try:
            await lane.commit.run()
        finally:
            self._tasks = None  # one lane's end is everybody's: nothing more is taken from here on

    async def _find_lane(self, trunk_id: str) -> _Lane:
        partition = await self._producer.partition_for(SUBMITTED, trunk_id.encode())
        lane = self._lanes.get(partition)
        if lane is None:
            if self._tasks is None:
                raise BrokerUnreachable("the producer does not run", stage="ingress")
            lane = self._lanes[partition] = _Lane(self._producer, partition, self._clock)
            self._tasks.create_task(self._serve(lane))
        self._lane_by_trunk[trunk_id] = lane
        return lane
