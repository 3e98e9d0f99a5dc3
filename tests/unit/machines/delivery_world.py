"""Delivery's whole process between a broker and a carrier in memory, and what must always hold there."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum, auto
from types import SimpleNamespace
from typing import Any, Final, Self, cast
from uuid import UUID

from pydantic import SecretStr

from agents.delivery.app import serve
from agents.runtime import Agent
from pipeline.directory.model import Directory
from pipeline.errors import InDoubt, NotSent
from pipeline.http.client import Answer
from pipeline.settings import AgentSettings, DeliverySettings, KafkaSettings, ReceiptKeySettings, RetrySettings
from pipeline.tracing.spans import UNTRACED
from schemas.directory.carrier import InDoubtPolicy
from schemas.directory.entry import key_of
from schemas.headers.causation import Causation
from schemas.headers.parked import Parked
from schemas.messages.mt_message import Alternative, MtMessage, WaitingMessage
from schemas.messages.status import CodeId, MessageStatus, StatusName
from schemas.record import InRecord
from schemas.state.journal import JournalEntry, JournalMark
from schemas.topics import JOURNAL, MT_PARKED, MT_RETRY, SEGMENTED, STATUS, tier_topic
from tests import builders
from tests.builders import RECEIPT_KEY, carrier, uuid
from tests.fakes.broker import LIFE, SESSION_SECONDS, Life, Stored
from tests.fakes.directory_view import DirectoryViewInMemory
from tests.fakes.virtual_time import CLOCK
from tests.unit.machines.history import World

DELAYS: Final = (5, 30, 120)
TOPICS: Final = (SEGMENTED, *(tier_topic(MT_RETRY, seconds) for seconds in DELAYS))
OTHER_URL: Final = "https://example.org/sms"
HANGS_SECONDS: Final = 15.0  # longer than a partition that goes waits for what is begun


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
    TAKES_AND_HANGS = auto()  # and answers in the end


_TAKEN: Final = {
    Behaviour.TAKES, Behaviour.TAKES_AND_IS_SILENT, Behaviour.TAKES_AND_SAYS_500, Behaviour.TAKES_AND_HANGS,
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
        self.script: deque[Behaviour] = deque()
        self.posted: list[Posted] = []
        self.taken: set[str] = set()
        self.answers_queries = True
        self._honours_keys = honours_keys

    def times_taken(self, segment_id: str) -> int:
        return sum(it.taken for it in self.posted if it.segment_id == segment_id)


class HttpPosterInMemory:
    """Stands for the HTTP client of one life."""

    def __init__(self, **_: Any) -> None:
        self._life = LIFE.get()

    async def reach(self, url: str, *, tls: object = None) -> bool:
        await self._life.breathe()
        return True

    async def close(self) -> None:
        """There is no connection."""

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout_seconds: float | None = None,
        tls: object = None,
    ) -> Answer:
        # No breath before: between the last check of membership and the first byte lies one system call, and a
        # process that freezes just there is what docs/reliability.md does not promise.
        if self._life.dead:
            raise AssertionError("a dead process posts")
        carrier = PRESENT[-1].at(url)
        segment_id = str(json.loads(body)["segment_id"])
        assert headers["idempotency-key"] == segment_id
        behaviour = carrier.script.popleft() if carrier.script else Behaviour.TAKES
        repeated = carrier._honours_keys and segment_id in carrier.taken
        if repeated and behaviour not in {Behaviour.CANNOT_BE_REACHED, Behaviour.REFUSES}:
            behaviour = Behaviour.TAKES
        taken = behaviour in _TAKEN
        if behaviour is not Behaviour.CANNOT_BE_REACHED:
            carrier.posted.append(Posted(segment_id, CLOCK.seconds(), taken and not repeated))
        if taken:
            carrier.taken.add(segment_id)
        await self._life.breathe()
        if behaviour is Behaviour.TAKES_AND_HANGS:
            await asyncio.sleep(HANGS_SECONDS)
            await self._life.breathe()
        match behaviour:
            case Behaviour.TAKES | Behaviour.TAKES_AND_HANGS:
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

    async def get(
        self, url: str, headers: Mapping[str, str], *, timeout_seconds: float | None = None, tls: object = None
    ) -> Answer:
        await self._life.breathe()
        carrier = PRESENT[-1].at(url)
        if not carrier.answers_queries:
            return Answer(500, b"", None)
        return Answer(200 if url.rpartition("/")[2] in carrier.taken else 404, b'{"id": "x"}', None)


class WishesInMemory:
    """Stands for the follower of what customers wish: all that there is at the start, the rest with some delay."""

    def __init__(self, _kafka: Any, **_: Any) -> None:
        self._life = LIFE.get()
        self._known: set[str] = set()
        self.any = True
        self.cancellations = self

    def holds(self, _trunk_id: str, message_id: str, _bulk_id: str | None) -> bool:
        return message_id in self._known

    async def start(self) -> Self:
        await self._life.breathe()
        self._known |= PRESENT[-1].wished
        return self

    async def follow(self) -> None:
        while True:
            await asyncio.sleep(0.3)
            await self._life.breathe()
            self._known |= PRESENT[-1].wished

    async def stop(self) -> None:
        """There is no connection."""


# Settings are read once: to read them costs as much as a short history.
SETTINGS: Final = AgentSettings()
KAFKA: Final = KafkaSettings(session_timeout_seconds=SESSION_SECONDS)
RETRIES: Final = RetrySettings(mt_delays_seconds=DELAYS)
CARRIERS: Final = DeliverySettings()
SIGNING: Final = ReceiptKeySettings(receipt_key=SecretStr(RECEIPT_KEY.decode()))

PRESENT: Final[list["DeliveryWorld"]] = []
"""The history that runs is the last one."""


def _directory_view(*_: Any, **__: Any) -> DirectoryViewInMemory:
    return DirectoryViewInMemory(PRESENT[-1].directory)


EXCHANGED: Final[tuple[tuple[str, str, object], ...]] = (
    ("agents.delivery.app", "HttpPoster", HttpPosterInMemory),
    ("agents.delivery.app", "DirectoryView", _directory_view),
    ("agents.delivery.app", "CancellationsView", WishesInMemory),
    ("agents.delivery.app", "KafkaSettings", lambda: KAFKA),
    ("agents.delivery.app", "RetrySettings", lambda: RETRIES),
    ("agents.delivery.app", "DeliverySettings", lambda: CARRIERS),
    ("agents.delivery.app", "ReceiptKeySettings", lambda: SIGNING),
)


class DeliveryWorld(World):
    """A history of delivery, with its carrier, and the checks."""

    def __init__(self, policy: InDoubtPolicy, seed: int) -> None:
        super().__init__(seed)
        PRESENT[:] = [self]
        self.policy = policy
        self.carrier = CarrierInMemory(honours_keys=policy is InDoubtPolicy.RESEND_WITH_KEY)
        self.other = CarrierInMemory(honours_keys=policy is InDoubtPolicy.RESEND_WITH_KEY)
        self.directory = Directory()
        self.route(blocked=False)
        other = carrier(22, url=OTHER_URL, in_doubt_policy=policy)
        self.directory.apply(key_of(other), other.to_bytes())
        self.messages: dict[str, MtMessage] = {}
        self.wished: set[str] = set()
        self.begin()

    async def agent(self, life: Life) -> None:
        agent = SimpleNamespace(settings=SETTINGS, slot=life.slot, stopping=life.stopping, tracing=UNTRACED)
        await serve(cast("Agent", agent))

    def at(self, url: str) -> CarrierInMemory:
        return self.other if url.startswith(OTHER_URL) else self.carrier

    def times_taken(self, segment_id: str) -> int:
        return self.carrier.times_taken(segment_id) + self.other.times_taken(segment_id)

    # What may happen.

    def route(self, *, blocked: bool) -> None:
        only = carrier(in_doubt_policy=self.policy, blocked=blocked)
        self.directory.apply(key_of(only), only.to_bytes())

    def delete_carrier(self) -> None:
        self.directory.apply(key_of(carrier()), None)

    def accept(self, destination: int, segments: int, lives_seconds: int, *, has_other: bool = False) -> None:
        """The processor writes a message, perhaps one that another carrier would take, too."""
        number = len(self.messages) + 1
        now = CLOCK.now()
        accepted = builders.message(
            segments, id=str(UUID(int=number)), destination=f"1555123456{destination}", accepted_at=now,
            expires_at=now + timedelta(seconds=lives_seconds), price_per_segment=Decimal(1),
            alternatives=(Alternative(carrier_id=uuid(22), price_per_segment=Decimal(2)),) if has_other else None,
        )  # fmt: skip
        self.messages[accepted.id] = accepted
        origin = Causation(0, number, 0, int(now.timestamp() * 1000))
        self.broker.log(SEGMENTED).append(
            Stored(accepted.destination.encode(), accepted.to_bytes(), (origin.header(),), origin.at_ms)
        )

    def cancel(self, place: int) -> None:
        """A customer wishes that one of the latest be not sent."""
        self.wished.update(list(self.messages)[-1 - place :][:1])

    def repeat(self, latest: int) -> None:
        """The processor was killed before its ack, and writes its latest records once more."""
        originals = [it for it in self.broker.log(SEGMENTED) if not it.repetition]
        for it in originals[-latest:]:
            self.broker.log(SEGMENTED).append(Stored(it.key, it.value, it.headers, it.timestamp_ms, repetition=True))

    def all_is_well(self) -> None:
        """The carriers take everything, and nobody has blocked the first."""
        for it in (self.carrier, self.other):
            it.script.clear()
            it.answers_queries = True
        self.route(blocked=False)

    def is_settled(self) -> bool:
        return not self.broker.open(TOPICS) and not self.broker.parked(MT_PARKED)

    # What must hold.

    def statuses(self) -> dict[str, list[MessageStatus]]:
        found: dict[str, list[MessageStatus]] = defaultdict(list)
        for record in self.broker.log(STATUS):
            status = MessageStatus.from_bytes(record.value or b"")
            found[status.message_id].append(status)
        return found

    def check(self) -> None:
        """Hold at any moment: one open record or a status for each message, never two, and unique attempts."""
        self.check_for_errors_of_ours()
        statuses = self.statuses()
        chains: dict[str, int] = defaultdict(int)
        for topic, _, record in self.broker.open(TOPICS):
            chains[_message_of(topic, record.value).id] += 1
        for it in self.broker.parked(MT_PARKED):
            parked = Parked.from_record(InRecord(MT_PARKED, 0, 0, it.timestamp_ms, it.key, it.value, it.headers)).record
            chains[_message_of(parked.topic, parked.value).id] += 1
        for identity in self.messages:
            assert chains[identity] <= 1, f"the chain of {identity} has forked"
            assert chains[identity] == 1 or statuses[identity], f"{identity} has vanished"
        settled: dict[tuple[str, int], set[tuple[str, int]]] = defaultdict(set)
        for record in self.broker.log(JOURNAL):
            entry = JournalEntry.from_bytes(record.value or b"")
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
        if status.status == StatusName.CANCELED:
            taken = [self.times_taken(message.segment_id(it)) > 0 for it in message.segments]
            assert message.id in self.wished, f"nobody has cancelled {message.id}"
            assert not any(taken), f"{message.id} was sent though it was cancelled"
            return
        taker = self.other if status.carrier_id == uuid(22) else self.carrier
        assert status.price_per_segment == (2 if taker is self.other else 1), "the price is another carrier's"
        for segment in message.segments:
            segment_id = message.segment_id(segment)
            times = self.times_taken(segment_id)
            if self.policy is InDoubtPolicy.RESEND:
                assert times <= 1 or status.possible_duplicate, f"{segment_id} was sent twice in silence"
            else:
                assert times <= 1, f"{segment_id} was sent {times} times"
            if status.status == StatusName.SUCCESS:
                assert segment_id in taker.taken, f"{segment_id} is said to be sent and is not"
        # By the time of the mark: how long the broker takes to store it, and the carrier's network, are not ours.
        for record in self.broker.log(JOURNAL):
            entry = JournalEntry.from_bytes(record.value or b"")
            if entry.mark is JournalMark.SUBMITTING and entry.segment_id.startswith(message.id):
                assert entry.at < message.expires_at, f"{entry.segment_id} was posted after its time to live"
        taken = [self.times_taken(message.segment_id(it)) > 0 for it in message.segments]
        assert not message.alternatives or not (
            {message.segment_id(it) for it in message.segments} & self.carrier.taken
            and {message.segment_id(it) for it in message.segments} & self.other.taken
        ), f"two carriers have parts of {message.id}"
        assert all(taken[: status.segments_sent])
        sure = status.code_id is not CodeId.IN_DOUBT and not status.possible_duplicate
        if status.status == StatusName.FAILED and sure:
            assert not any(taken[status.segments_sent :]), f"{message.id} failed for sure, and was taken"


def _message_of(topic: str, value: bytes | None) -> MtMessage:
    if topic == SEGMENTED:
        return MtMessage.from_bytes(value or b"")
    return WaitingMessage.from_bytes(value or b"").message
