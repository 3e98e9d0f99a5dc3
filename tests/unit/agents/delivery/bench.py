"""One message's way through delivery, with a scripted carrier and a broker that only remembers."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from aiokafka import TopicPartition

from agents.delivery.carrier_line import CarrierLine
from agents.delivery.deliver import Delivery
from agents.delivery.line_up import Reading, Unreadable, entry_of, read
from agents.delivery.write import OutcomeWriter
from pipeline.carriers.journal import JournalState
from pipeline.carriers.profiles.book import BoundCarriers, ProfileBook
from pipeline.directory.carrier_secrets import secrets_of
from pipeline.directory.model import Directory
from pipeline.errors import NotSent
from pipeline.http.client import Answer
from pipeline.kafka.consuming.journal import Journal
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.work import Work
from pipeline.posting.dispatcher import Turn
from pipeline.posting.flows import Flow, Lane
from pipeline.posting.intake import Entry
from pipeline.posting.peers.breaker import TRIP_AFTER
from pipeline.posting.peers.peer import Peer
from pipeline.posting.places import QUICK
from pipeline.posting.retry_schedule import RetrySchedule
from pipeline.scheduling.cancellations import Cancellations
from pipeline.tracing.spans import UNTRACED, Tracing
from schemas.directory.carrier import Carrier, InDoubtPolicy, Profile
from schemas.directory.entry import key_of
from schemas.headers.dead_letter import DeadLetterSource
from schemas.messages.mt_message import MtMessage
from schemas.record import Header, InRecord, OutRecord
from schemas.state.journal import JournalEntry, JournalMark
from schemas.topics import JOURNAL, MT_RETRY, SEGMENTED
from tests import builders
from tests.builders import RECEIPT_KEY, carrier, journal_entry
from tests.fakes.clock import Clock
from tests.fakes.directory_view import DirectoryViewInMemory

if TYPE_CHECKING:
    from pipeline.http.client import HttpPoster
    from pipeline.kafka.consuming.consumer import TrackedConsumer
    from pipeline.kafka.producer import RecordProducer
    from pipeline.kafka.views.directory_view import DirectoryView

OTHER: Final = carrier(22, name="two", url="http://other.example/sms", in_doubt_policy=InDoubtPolicy.GIVE_UP)
CARRIER: Final = carrier(name="one", url="http://carrier.example/sms", in_doubt_policy=InDoubtPolicy.GIVE_UP)


def message(segments: int = 2, lives: timedelta = timedelta(hours=1)) -> MtMessage:
    """Return a message that has just been accepted, for `CARRIER`."""
    now = datetime.now(UTC)
    return builders.message(segments, accepted_at=now, expires_at=now + lives)


def mark(seqnum: int, kind: JournalMark, at: datetime) -> JournalEntry:
    """Return what the journal says of a segment of `message()`, whose record `Bench.run` hands in."""
    error = None if kind is JournalMark.ACCEPTED else "HTTP 503"
    return journal_entry(kind, seqnum=seqnum, offset=7, at=at, error=error)


class ScriptedCarrier:
    """Stands for the HTTP client: answers as the script says and keeps what was posted."""

    def __init__(self, *script: int | Exception) -> None:
        self.script = list(script)
        self.url = CARRIER.url
        self.posted: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.asked: list[str] = []
        self.query_answer = 404
        self.retry_after: str | None = None

    async def get(
        self, url: str, headers: Mapping[str, str], *, timeout_seconds: float | None = None, tls: object = None
    ) -> Answer:
        self.asked.append(url)
        return Answer(self.query_answer, b"{}", None)

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout_seconds: float | None = None,
        tls: object = None,
    ) -> Answer:
        assert url == self.url
        assert headers["idempotency-key"] == json.loads(body)["segment_id"]
        self.posted.append(json.loads(body)["text"])
        self.headers.append(headers)
        following = self.script.pop(0)
        if isinstance(following, Exception):
            raise following
        return Answer(following, b'{"id": "x"}', self.retry_after)


class Member:
    """Stands for the consumer: a member of its group for as long as it is told."""

    def __init__(self) -> None:
        self.ours = True

    async def may_begin(self, work: Work) -> bool:
        return work.begin()

    async def is_member(self) -> bool:
        return self.ours

    async def still_ours(self, work: Work) -> bool:
        return self.ours


class Bench:
    """A `Delivery` with everything around it; `marks` are what the journal knew at the start.

    While the carrier is left alone, what is handed in is settled without leave to post, as at a restart. `through` is
    the carrier that has its turn, whatever carrier the message is for.
    """

    def __init__(
        self,
        *script: int | Exception,
        carrier: Carrier | None = CARRIER,
        marks: Sequence[JournalEntry] = (),
        through: Carrier = CARRIER,
        profiles: Sequence[Profile] = (),
        tracing: Tracing = UNTRACED,
    ) -> None:
        self.directory = directory = Directory()
        directory.apply(key_of(OTHER), OTHER.to_bytes())
        for profile in profiles:
            directory.apply(key_of(profile), profile.to_bytes())
        if carrier is not None:
            directory.apply(key_of(carrier), carrier.to_bytes())
        self.carrier = ScriptedCarrier(*script)
        self.carrier.url = through.url
        self.written: list[OutRecord] = []
        self.letters: list[str] = []
        """Why there are dead letters of the last record."""
        self.tracker = Assignment()
        self.member = Member()
        journal = Journal.__new__(Journal)  # only what needs no broker
        journal.state = self.journal_state = JournalState()
        for mark in marks:
            journal.state.apply(mark, 0, {SEGMENTED: 0})

        self.writer = OutcomeWriter(cast("RecordProducer", self), journal)
        bound = BoundCarriers(ProfileBook(partial(directory.get, Profile)), lambda carrier: secrets_of(carrier, None))
        line = CarrierLine(cast("HttpPoster", self.carrier), bound, "http://127.0.0.1:8080", RECEIPT_KEY)
        self.clock = Clock()
        self.peer = Peer(through.id, self.clock, most=8)
        if carrier is not None:
            self.peer.blocked = carrier.blocked
        view = cast("DirectoryView", DirectoryViewInMemory(directory))
        self.wishes = Cancellations()
        schedule = RetrySchedule(MT_RETRY, (5, 30))
        self.delivery = Delivery(view, line, journal, self.writer, schedule, tracing, self.wishes)

    async def write(self, records: Sequence[OutRecord]) -> dict[TopicPartition, int]:
        """Stand for the producer."""
        assert self.tracker.unfinished == 1, "finished before it was durable"
        self.written += records
        return {}

    async def _deliver(self, work: Work) -> None:
        item = read(cast("TrackedConsumer", self.member), work)
        if isinstance(item, Unreadable):
            await self.delivery.refuse(item)
        elif self.peer.admit():
            entry = entry_of(item)
            flow: Flow[Entry[Reading]] = Flow(entry.flow.name, entry.flow.account, self.peer)
            turn = Turn(flow, Lane(entry.lane), entry, probe=False, place=QUICK, began_at=self.clock())
            try:
                await self.delivery(turn)
            finally:
                self.peer.release()
        else:
            await self.delivery.settle(item)

    async def hand_in(self, value: bytes | None, topic: str = SEGMENTED, headers: tuple[Header, ...] = ()) -> None:
        work = Work(InRecord(topic, 0, 7, 0, b"15551234567", value, headers), self.tracker)
        writing = asyncio.create_task(self.writer.run())
        try:
            await self._deliver(work)
            while self.tracker.in_progress and not writing.done():
                await asyncio.sleep(0)
        finally:
            writing.cancel()
            await asyncio.wait([writing])
        if not writing.cancelled():
            writing.result()

    async def hand_out(self, message: MtMessage) -> None:
        """Deliver one message; what was written is in `written`."""
        self.tracker.hand_out(7)
        await self.hand_in(message.to_bytes())
        assert self.tracker.position == 8

    async def trip(self) -> None:
        """Let the carrier fail until it is left alone."""
        self.carrier.script[:0] = [NotSent("refused")] * TRIP_AFTER
        for _ in range(TRIP_AFTER):
            self.tracker.hand_out(7)
            await self.hand_in(message(1).to_bytes())
        self.tracker.take_outbox(8)
        self.carrier.posted.clear()
        self.written.clear()

    async def run(self, value: bytes | None, topic: str = SEGMENTED, headers: tuple[Header, ...] = ()) -> OutRecord:
        """Deliver one record; return what ended it."""
        self.tracker.hand_out(7)
        await self.hand_in(value, topic, headers)
        assert self.tracker.position == 8
        outbox = self.tracker.take_outbox(8)
        self.letters = [DeadLetterSource.from_headers(it.headers).reason for it in outbox if "dead-letter" in it.topic]
        return next(it for it in [*self.written, *outbox] if it.topic != JOURNAL)

    @property
    def journal(self) -> list[tuple[str, str]]:
        """The marks written, as (segment number, mark)."""
        entries = [JournalEntry.from_bytes(it.value or b"") for it in self.written if it.topic == JOURNAL]
        return [(it.segment_id.rpartition(":")[2], it.mark.value) for it in entries]
