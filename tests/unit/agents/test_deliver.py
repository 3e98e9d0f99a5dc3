"""One message's way through delivery, with a scripted carrier and a broker that only remembers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from agents.delivery.deliver import Delivery
from pipeline.directory import Directory
from pipeline.errors import InDoubt, NotSent
from pipeline.http_poster import Answer
from pipeline.kafka.ack_tracker import AckTracker
from pipeline.kafka.consumer import Work
from pipeline.kafka.producer import OutRecord
from schemas.dead_letter import DeadLetterOrigin
from schemas.directory import Carrier, InDoubtPolicy, key_of
from schemas.mt_message import DataCoding, MtMessage, Segment
from schemas.retry import WaitingMessage
from schemas.status import CodeId, MessageStatus, StatusName
from schemas.topics import SEGMENTED

UUID = "0190f0c0-0000-7000-8000-00000000000{}"
CARRIER = Carrier(
    id=UUID.format(4), name="one", url="http://carrier.example/sms", in_doubt_policy=InDoubtPolicy.GIVE_UP
)


def message(segments: int = 2, lives: timedelta = timedelta(hours=1)) -> MtMessage:
    now = datetime.now(UTC)
    return MtMessage(
        id=UUID.format(1),
        trunk_id=UUID.format(2),
        account_id=UUID.format(3),
        source="12125551234",
        destination="15551234567",
        data_coding=DataCoding.GSM7,
        segments=tuple(Segment(seqnum=n, text=f"part {n}") for n in range(1, segments + 1)),
        carrier_id=CARRIER.id,
        accepted_at=now,
        expires_at=now + lives,
    )


class ScriptedCarrier:
    """Stands for the HTTP client: answers as the script says and keeps what was posted."""

    def __init__(self, *script: int | Exception) -> None:
        self.script = list(script)
        self.posted: list[str] = []

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_seconds: float | None = None
    ) -> Answer:
        assert url == CARRIER.url
        assert headers["idempotency-key"] == json.loads(body)["segment_id"]
        self.posted.append(json.loads(body)["text"])
        following = self.script.pop(0)
        if isinstance(following, Exception):
            raise following
        return Answer(following, b'{"id": "x"}', None)


class ViewOf:
    """Stands for the directory's follower: always up to date."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    async def catch_up(self) -> None:
        """Nothing is missing."""


class Bench:
    """A `Delivery` with everything around it."""

    def __init__(self, *script: int | Exception, carrier: Carrier | None = CARRIER) -> None:
        directory = Directory()
        if carrier is not None:
            directory.apply(key_of(carrier), carrier.to_bytes())
        self.carrier = ScriptedCarrier(*script)
        self.written: list[OutRecord] = []
        self.tracker = AckTracker()
        self.finished_when_written: list[int] = []

        async def commit(record: OutRecord) -> None:
            self.finished_when_written.append(self.tracker.unfinished)
            self.written.append(record)

        self.deliver = Delivery(ViewOf(directory), self.carrier, commit, (5, 30))  # type: ignore[arg-type]

    async def run(self, value: bytes | None, topic: str = SEGMENTED) -> OutRecord:
        self.tracker.hand_out(7)
        await self.deliver(Work(topic, 0, 7, 0, b"15551234567", value, (), self.tracker))
        assert self.tracker.position == 8
        assert self.finished_when_written == [1]  # durable first, finished afterwards
        (record,) = self.written
        return record


async def test_every_segment_is_posted_in_order_and_the_message_ends_well() -> None:
    """All segments accepted: one Success status keyed by the message id."""
    bench = Bench(202, 200)
    record = await bench.run(message().to_bytes())
    assert bench.carrier.posted == ["part 1", "part 2"]
    assert (record.topic, record.key) == ("sms.mt.status", UUID.format(1).encode())
    status = MessageStatus.from_bytes(record.value or b"")
    assert (status.status, status.segments_sent, status.code_id) == (StatusName.SUCCESS, 2, None)


@pytest.mark.parametrize(
    ("failure", "code"),
    [(400, CodeId.ROUTING_FAILED), (500, CodeId.IN_DOUBT), (InDoubt("reset"), CodeId.IN_DOUBT)],
)
async def test_a_segment_that_may_not_be_repeated_ends_the_message(failure: int | Exception, code: CodeId) -> None:
    """A refusal or a doubt at the second segment: no further POST, Failed, one segment sent."""
    bench = Bench(202, failure)
    record = await bench.run(message(3).to_bytes())
    assert bench.carrier.posted == ["part 1", "part 2"]
    status = MessageStatus.from_bytes(record.value or b"")
    assert (status.status, status.code_id, status.segments_sent) == (StatusName.FAILED, code, 1)


@pytest.mark.parametrize("failure", [429, 503, NotSent("refused")])
async def test_what_was_not_taken_waits_and_goes_on_where_it_stopped(failure: int | Exception) -> None:
    """The waiting record begins with the segment that failed; out of the tier only the rest is posted."""
    bench = Bench(202, failure)
    record = await bench.run(message(3).to_bytes())
    assert (record.topic, record.key) == ("sms.mt.retry.5s", b"15551234567")
    waiting = WaitingMessage.from_bytes(record.value or b"")
    assert (waiting.attempt, waiting.next_seqnum) == (2, 2)

    again = Bench(202, 202)
    record = await again.run(waiting.to_bytes(), topic="sms.mt.retry.5s")
    assert again.carrier.posted == ["part 2", "part 3"]
    status = MessageStatus.from_bytes(record.value or b"")
    assert (status.status, status.segments_sent) == (StatusName.SUCCESS, 3)


async def test_an_expired_message_is_not_posted() -> None:
    """After its time to live a message fails with the contract's code and costs nobody a late SMS."""
    bench = Bench()
    record = await bench.run(message(lives=timedelta(seconds=-1)).to_bytes())
    assert bench.carrier.posted == []
    assert MessageStatus.from_bytes(record.value or b"").code_id is CodeId.ALL_ATTEMPTS_FAILED


async def test_an_unknown_carrier_is_a_routing_failure() -> None:
    """A carrier that the directory does not have cannot be posted to."""
    record = await Bench(carrier=None).run(message().to_bytes())
    assert MessageStatus.from_bytes(record.value or b"").code_id is CodeId.ROUTING_FAILED


async def test_a_blocked_carrier_makes_messages_wait() -> None:
    """Blocking a carrier stops its traffic without losing it."""
    bench = Bench(carrier=CARRIER.model_copy(update={"blocked": True}))
    record = await bench.run(message().to_bytes())
    assert bench.carrier.posted == []
    assert record.topic == "sms.mt.retry.5s"


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{}", b"[]", b"[" * 10_000])
async def test_an_unreadable_record_becomes_a_dead_letter_with_its_bytes(value: bytes | None) -> None:
    """Bad bytes are kept as they were, with their coordinates and a stable reason."""
    record = await Bench().run(value)
    assert (record.topic, record.key, record.value) == ("sms.mt.segmented.dead-letter", b"15551234567", value)
    origin = DeadLetterOrigin.from_headers(record.headers)
    assert (origin.topic, origin.partition, origin.offset) == (SEGMENTED, 0, 7)
    assert (origin.stage, origin.reason) == ("delivery", "schema-violation")


async def test_a_record_that_is_no_longer_ours_is_left_alone() -> None:
    """After its partition has been closed a record is neither posted nor finished."""
    bench = Bench(202)
    bench.tracker.hand_out(7)
    bench.tracker.closed = True
    await bench.deliver(Work(SEGMENTED, 0, 7, 0, b"k", message().to_bytes(), (), bench.tracker))
    assert (bench.carrier.posted, bench.written, bench.tracker.position) == ([], [], None)
