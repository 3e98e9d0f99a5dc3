"""Delivery's real code between a broker and a carrier in memory, and what must always hold there."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from aiokafka import TopicPartition

from agents.delivery.carrier_line import CarrierLine
from agents.delivery.deliver import Delivery
from agents.delivery.intake import Intake
from agents.delivery.message_run import Means
from agents.delivery.write import Writer
from pipeline.carriers.journal import JournalState
from pipeline.directory.model import Directory
from pipeline.errors import InDoubt, NotSent
from pipeline.http.client import Answer
from pipeline.kafka.consuming.journal import Journal
from pipeline.kafka.consuming.retry_tiers import wait_in
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.producer import RecordProducer
from schemas.causation import Causation
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.directory.entry import key_of
from schemas.journal import JournalEntry, JournalMark
from schemas.mt_message import DataCoding, MtMessage, Segment, WaitingMessage
from schemas.status import CodeId, MessageStatus, StatusName
from schemas.topics import JOURNAL, MT_RETRY, SEGMENTED, STATUS, tier_topic
from tests.unit.machines.broker_in_memory import Life, Member, Stored, as_consumer
from tests.unit.machines.history import World
from tests.unit.machines.virtual_time import CLOCK

if TYPE_CHECKING:
    from pipeline.http.client import HttpPoster
    from pipeline.kafka.views.directory_view import DirectoryView

DELAYS: Final = (5, 30, 120)
LANES: Final = 4
TIERS: Final = {tier_topic(MT_RETRY, seconds): seconds for seconds in DELAYS}
TOPICS: Final = (SEGMENTED, *TIERS)
TRUNK = "0190f0c0-0000-7000-8000-000000000002"
ACCOUNT = "0190f0c0-0000-7000-8000-000000000003"
CARRIER_ID = "0190f0c0-0000-7000-8000-000000000004"
# More steps than any history of this size needs: one that takes more is stuck.
SETTLES_WITHIN: Final = 4000


class Behaviour(Enum):
    """What the carrier does with a POST."""

    TAKES = auto()
    REFUSES = auto()  # 400
    THROTTLES = auto()  # 503
    CANNOT_BE_REACHED = auto()
    TAKES_AND_IS_SILENT = auto()
    TAKES_AND_SAYS_500 = auto()
    LOSES_AND_IS_SILENT = auto()
    LOSES_AND_SAYS_500 = auto()


_TAKEN: Final = {Behaviour.TAKES, Behaviour.TAKES_AND_IS_SILENT, Behaviour.TAKES_AND_SAYS_500}
_DOUBTFUL: Final = {
    Behaviour.TAKES_AND_IS_SILENT, Behaviour.TAKES_AND_SAYS_500,
    Behaviour.LOSES_AND_IS_SILENT, Behaviour.LOSES_AND_SAYS_500,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Posted:
    """One POST as the carrier saw it."""

    segment_id: str
    at: float
    taken: bool


class CarrierInMemory:
    """Takes what it is posted, or does what it was told to do next."""

    def __init__(self, *, honours_keys: bool) -> None:
        self.life: Life | None = None
        self.script: deque[Behaviour] = deque()
        self.posted: list[Posted] = []
        self.taken: set[str] = set()
        self.answers_queries = True
        self._honours_keys = honours_keys

    def times_taken(self, segment_id: str) -> int:
        return sum(it.taken for it in self.posted if it.segment_id == segment_id)


class _Line:
    """Stands for the HTTP client of one life."""

    def __init__(self, life: Life, carrier: CarrierInMemory) -> None:
        self._life = life
        self._carrier = carrier

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_seconds: float | None = None
    ) -> Answer:
        # No breath before: between the last check of membership and the first byte lies one system call, and a
        # process that freezes just there is what docs/reliability.md does not promise.
        if self._life.dead:
            raise AssertionError("a dead process posts")
        carrier = self._carrier
        segment_id = str(json.loads(body)["segment_id"])
        assert headers["idempotency-key"] == segment_id
        behaviour = carrier.script.popleft() if carrier.script else Behaviour.TAKES
        repeated = carrier._honours_keys and segment_id in carrier.taken
        if repeated and behaviour is not Behaviour.CANNOT_BE_REACHED:
            behaviour = Behaviour.TAKES
        taken = behaviour in _TAKEN
        if behaviour is not Behaviour.CANNOT_BE_REACHED:
            carrier.posted.append(Posted(segment_id, CLOCK.seconds(), taken and not repeated))
        if taken:
            carrier.taken.add(segment_id)
        await self._life.breathe()
        match behaviour:
            case Behaviour.TAKES:
                return Answer(202, b'{"id": "x"}', None)
            case Behaviour.REFUSES:
                return Answer(400, b"", None)
            case Behaviour.THROTTLES:
                return Answer(503, b"", None)
            case Behaviour.TAKES_AND_SAYS_500 | Behaviour.LOSES_AND_SAYS_500:
                return Answer(500, b"", None)
            case Behaviour.CANNOT_BE_REACHED:
                raise NotSent("connection refused")
            case _:
                raise InDoubt("no answer")

    async def get(self, url: str, headers: Mapping[str, str], *, timeout_seconds: float | None = None) -> Answer:
        await self._life.breathe()
        if not self._carrier.answers_queries:
            return Answer(500, b"", None)
        return Answer(200 if url.rpartition("/")[2] in self._carrier.taken else 404, b'{"id": "x"}', None)


class _View:
    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    async def catch_up(self) -> None:
        """It is never behind."""


class DeliveryLife:
    """One life of the delivery agent."""

    def __init__(self, world: "DeliveryWorld") -> None:
        self.life = life = Life(world.broker, world.random)
        self._world = world
        journal = Journal.__new__(Journal)  # only what needs no broker
        journal.state = JournalState()
        journal._ends = {}
        journal._producer = cast("RecordProducer", life)
        self._journal = journal

        self._writer = Writer(journal)
        line = CarrierLine(cast("HttpPoster", _Line(life, world.carrier)))
        view = cast("DirectoryView", _View(world.directory))
        deliver = Delivery(Means(view, line, journal, self._writer, DELAYS))
        self._intake = Intake(deliver, LANES, life.task, asyncio.Event())
        self.first = Member(life, [SEGMENTED], self._take, journal_end=journal.end)
        self.again = Member(
            life, tuple(TIERS), self._take_again, wait=wait_in(TIERS), journal_end=journal.end
        )  # fmt: skip
        self.members = (self.first, self.again)

    async def _take(self, works: Sequence[Work]) -> None:
        await self._intake.take(as_consumer(self.first), works, later=False)

    async def _take_again(self, works: Sequence[Work]) -> None:
        await self._intake.take(as_consumer(self.again), works, later=True)

    async def look_after(self) -> None:
        await self._intake.look_after()

    async def begin(self) -> None:
        self.life.task(self._writer.run())
        for member in self.members:
            await member.assign(self._recover)

    def _recover(self, committed: Mapping[str, int], low: int) -> Mapping[TopicPartition, int]:
        log = self._world.broker.log(JOURNAL)
        for topic in committed:
            self._journal.state.forget(topic, 0)
        for record in log[low:]:
            self._journal.state.apply(JournalEntry.from_bytes(record.value), 0, committed)
        self._journal._ends[0] = max(len(log), self._journal.end(0))
        statuses = self._world.broker.log(STATUS)
        self._journal.state.learn(MessageStatus.from_bytes(record.value) for record in statuses)
        highest = {TopicPartition(it, 0): self._journal.state.highest(it, 0) for it in committed}
        return {place: offset for place, offset in highest.items() if offset is not None}


class DeliveryWorld(World):
    """A history of delivery, with its carrier, and the checks."""

    present: DeliveryLife

    def __init__(self, policy: InDoubtPolicy, seed: int) -> None:
        super().__init__(seed)
        self.policy = policy
        self.carrier = CarrierInMemory(honours_keys=policy is InDoubtPolicy.RESEND_WITH_KEY)
        self.directory = Directory()
        self.route(blocked=False)
        self.messages: dict[str, MtMessage] = {}
        self.begin()

    def new_life(self) -> DeliveryLife:
        return DeliveryLife(self)

    # What may happen.

    def route(self, *, blocked: bool) -> None:
        carrier = Carrier(
            id=CARRIER_ID, name="one", url="http://carrier.example/", in_doubt_policy=self.policy, blocked=blocked
        )
        self.directory.apply(key_of(carrier), carrier.to_bytes())

    def accept(self, destination: int, segments: int, lives_seconds: int) -> None:
        """The processor writes a message."""
        number = len(self.messages) + 1
        now = CLOCK.now()
        message = MtMessage(
            id=str(UUID(int=number)),
            trunk_id=TRUNK,
            account_id=ACCOUNT,
            source="12125551234",
            destination=f"1555123456{destination}",
            data_coding=DataCoding.GSM7,
            segments=tuple(Segment(seqnum=n, text=f"part {n}") for n in range(1, segments + 1)),
            carrier_id=CARRIER_ID,
            accepted_at=now,
            expires_at=now + timedelta(seconds=lives_seconds),
        )
        self.messages[message.id] = message
        origin = Causation(0, number, 0, int(now.timestamp() * 1000))
        self.broker.log(SEGMENTED).append(
            Stored(message.destination.encode(), message.to_bytes(), (origin.header(),), origin.at_ms)
        )

    def repeat(self, latest: int) -> None:
        """The processor was killed before its ack, and writes its latest records once more."""
        originals = [it for it in self.broker.log(SEGMENTED) if not it.repetition]
        for it in originals[-latest:]:
            self.broker.log(SEGMENTED).append(Stored(it.key, it.value, it.headers, it.timestamp_ms, repetition=True))

    def look_after(self) -> None:
        """What the agent does every second."""
        self.start(self.present.look_after)
        self.run(1)

    def settle(self) -> None:
        """Everything is well from now on: let all of it come to its end."""
        self.carrier.script.clear()
        self.carrier.answers_queries = True
        self.route(blocked=False)
        self.thaw()
        for _ in range(SETTLES_WITHIN):
            self.run(5)
            if self.busy:
                self.loop.jump(0.05)  # for those who pause
                continue
            if not self.broker.open(TOPICS):
                return
            self.commit(15)
            self.check()
            self.loop.jump(1.0)
            self.look_after()
            self.run(5)
            waits = self.present.again.seconds_to_next()
            if waits and not any(it.unfinished for it in self.present.members):
                self.loop.jump(waits)
        raise AssertionError(f"stuck: {self.broker.open(TOPICS)}, {self.present.life.failure!r}")

    # What must hold.

    def statuses(self) -> dict[str, list[MessageStatus]]:
        found: dict[str, list[MessageStatus]] = defaultdict(list)
        for record in self.broker.log(STATUS):
            status = MessageStatus.from_bytes(record.value)
            found[status.message_id].append(status)
        return found

    def check(self) -> None:
        """Hold at any moment: one open record or a status for each message, never two, and unique attempts."""
        statuses = self.statuses()
        chains: dict[str, int] = defaultdict(int)
        for topic, _, record in self.broker.open(TOPICS):
            message = (
                MtMessage.from_bytes(record.value)
                if topic == SEGMENTED
                else WaitingMessage.from_bytes(record.value).message
            )
            chains[message.id] += 1
        for identity in self.messages:
            assert chains[identity] <= 1, f"the chain of {identity} has forked"
            assert chains[identity] == 1 or statuses[identity], f"{identity} has vanished"
        settled: dict[tuple[str, int], set[tuple[str, int]]] = defaultdict(set)
        for record in self.broker.log(JOURNAL):
            entry = JournalEntry.from_bytes(record.value)
            if entry.mark is not JournalMark.SUBMITTING:
                settled[entry.segment_id, entry.attempt].add((entry.topic, entry.offset))
        assert {attempt: it for attempt, it in settled.items() if len(it) > 1} == {}, "an attempt was settled twice"

    def check_the_end(self) -> None:
        """Hold when all is settled."""
        self.check()
        statuses = self.statuses()
        for identity, message in self.messages.items():
            said = {(it.status, it.code_id, it.segments_sent, bool(it.possible_duplicate)) for it in statuses[identity]}
            assert len(said) == 1, f"{identity} has ended in two ways: {statuses[identity]}"
            self._check_message(message, statuses[identity][0])

    def _check_message(self, message: MtMessage, status: MessageStatus) -> None:
        for segment in message.segments:
            segment_id = message.segment_id(segment)
            times = self.carrier.times_taken(segment_id)
            if self.policy is InDoubtPolicy.RESEND:
                assert times <= 1 or status.possible_duplicate, f"{segment_id} was sent twice in silence"
            else:
                assert times <= 1, f"{segment_id} was sent {times} times"
            if status.status == StatusName.SUCCESS:
                assert segment_id in self.carrier.taken, f"{segment_id} is said to be sent and is not"
        # By the time of the mark: how long the broker takes to store it, and the carrier's network, are not ours.
        for record in self.broker.log(JOURNAL):
            entry = JournalEntry.from_bytes(record.value)
            if entry.mark is JournalMark.SUBMITTING and entry.segment_id.startswith(message.id):
                assert entry.at < message.expires_at, f"{entry.segment_id} was posted after its time to live"
        taken = [message.segment_id(it) in self.carrier.taken for it in message.segments]
        assert all(taken[: status.segments_sent])
        sure = status.code_id is not CodeId.IN_DOUBT and not status.possible_duplicate
        if status.status == StatusName.FAILED and sure:
            assert not any(taken[status.segments_sent :]), f"{message.id} failed for sure, and was taken"
