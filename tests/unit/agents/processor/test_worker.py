"""What the processor takes and writes at once, and what becomes of a record that meets an error of ours."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from agents.processor import worker
from agents.processor.brake import Brake
from agents.processor.counting import Counting
from agents.processor.repetitions import Unheld
from agents.processor.worker import MAX_BYTES, MAX_OUTPUTS, Taken, Worker
from pipeline.errors import NotAcknowledged
from pipeline.settings import MessageSettings
from pipeline.tracing.spans import MESSAGE_ID, OUTCOME, UNTRACED, Tracing
from schemas.directory.entry import DirectoryEntry
from schemas.headers.dead_letter import DeadLetterSource
from schemas.headers.trace import TraceContext, trace_of
from schemas.messages.destination import Destination
from schemas.messages.mt_message import MtMessage
from schemas.messages.submission import Submission
from schemas.record import Header, InRecord, OutRecord
from schemas.state.day_count import DayCount, DayUsed, Place
from schemas.text.smart_encoding import SmartEncoding
from schemas.topics import COUNTED, MAX_RECORD_BYTES, SCHEDULED, SEGMENTED, STATUS, SUBMITTED, dead_letter_topic
from tests.builders import CREATED, account, carrier, did, directory_of, in_record, route, submission, trunk, uuid
from tests.fakes.counts_view import CountsInMemory
from tests.fakes.directory_view import DirectoryViewInMemory
from tests.fakes.producer import ProducerInMemory
from tests.fakes.screens_view import ScreeningsInMemory
from tests.fakes.tracer import TracerInMemory
from tests.unit.agents.processor.causing import caused_by

ENTRIES: tuple[DirectoryEntry, ...] = (account(), did(), trunk(), carrier(), route())


class Producer(ProducerInMemory):
    """Notes what is written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[list[OutRecord]] = []

    async def write(self, records: Any) -> dict[tuple[str, int], int]:
        self.writes.append(list(records))
        return await super().write(self.writes[-1])


class Repetitions:
    """Holds every submission to be the first under its key, unless it is told otherwise of a record's offset."""

    def __init__(self) -> None:
        self.otherwise: dict[int, Unheld | Exception] = {}
        self.asked: list[list[InRecord]] = []

    async def unheld(self, records: Sequence[InRecord]) -> list[Unheld | Exception]:
        self.asked.append(list(records))
        return [self.otherwise.get(it.offset, {}) for it in records]


class Site:
    """A worker, records for it, and what it has written and acked."""

    def __init__(
        self,
        *entries: DirectoryEntry,
        behind: Sequence[DirectoryEntry] = (),
        counted: Sequence[tuple[int, DayCount]] = (),
        limit: int = 100,
        tracing: Tracing = UNTRACED,
    ) -> None:
        self.view = DirectoryViewInMemory(directory_of(*(entries or ENTRIES)), *behind)
        self.producer = Producer()
        self.acked: list[tuple[int, int]] = []
        self.repetitions = Repetitions()
        self.counts = CountsInMemory(*counted)
        self.intake: asyncio.Queue[Taken] = asyncio.Queue()
        brake = Brake(limit, lambda name: self.view.directory.trunk(name) is not None)
        self.worker = Worker(
            self.intake,
            cast("Any", self.producer),
            cast("Any", self.view),
            cast("Any", self.repetitions),
            Counting(self.view, self.counts, ScreeningsInMemory()),
            MessageSettings(),
            brake,
            tracing,
        )

    async def ack(self, event: Any) -> None:
        self.acked.append((event.message.partition, event.message.offset))

    async def run(
        self, *values: bytes | None, key: bytes | None = None, headers: Sequence[Header] = (), at: float = 1.0
    ) -> list[OutRecord]:
        """Process records with these values, written `at` that Unix time; return what comes of them."""
        for offset, value in enumerate(values):
            message = SimpleNamespace(
                topic=SUBMITTED, partition=0, offset=offset, timestamp=at, key=key, value=value, headers=headers
            )
            self.intake.put_nowait(Taken(SimpleNamespace(message=message), self))
        running = asyncio.create_task(self.worker.run())
        while len(self.acked) < len(values) and not running.done():
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])
        if not running.cancelled():
            running.result()
        return self.producer.records


def asking(content: str = "Hello", destinations: int = 1, **changes: Any) -> bytes:
    numbers = [Destination(address=f"1555{number:07}") for number in range(destinations)]
    return submission(*numbers, id=uuid(9), content=content, **changes).to_bytes()


def sources(records: Sequence[OutRecord]) -> list[DeadLetterSource]:
    return [DeadLetterSource.from_headers(it.headers) for it in records if it.topic == dead_letter_topic(SUBMITTED)]


async def test_what_is_written_is_what_the_records_cause() -> None:
    """In their order, numbered through, whether it is written at once or not."""
    values = [asking(), b"[" + asking() + b",{}," + asking(source="12125550000") + b"," + asking() + b"]", b"{", None]
    site = Site()
    written = await site.run(*values)
    directory = directory_of(*ENTRIES)
    wanted = [
        it
        for offset, value in enumerate(values)
        for it in caused_by(
            in_record(SUBMITTED, value, offset, timestamp_ms=1000, key=None), directory, MessageSettings(), {}
        )
    ]
    assert written == wanted
    assert site.acked == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert len(site.producer.writes) == 1


async def test_a_record_of_many_messages_is_written_in_pieces() -> None:
    """A megabyte asks for 37,000 messages, which would be a hundred: no more than a few are in memory."""
    value = b"[" + b",".join(asking("x" * 1000, 1000) for _ in range(20)) + b"]"
    assert len(value) < MAX_RECORD_BYTES
    site = Site()
    written = await site.run(value)
    assert len(written) == 20_000
    assert written == caused_by(in_record(SUBMITTED, value, timestamp_ms=1000), directory_of(*ENTRIES),
                                MessageSettings(), {})  # fmt: skip
    assert max(map(len, site.producer.writes)) <= MAX_OUTPUTS + 1000
    sizes = [sum(len(it.value or b"") for it in write) for write in site.producer.writes]
    assert max(sizes) < 2 * worker.MAX_OUTPUT_BYTES


async def test_a_batch_is_bounded_by_bytes() -> None:
    """32 records may hold 32 MB."""
    site = Site()
    await site.run(*[b"{" * 400_000] * 20)
    assert max(len(it) for it in site.repetitions.asked) * 400_000 < MAX_BYTES + 2 * 400_000


def used_up(segments: int) -> tuple[int, DayCount]:
    used = DayUsed(day=datetime(1970, 1, 1, tzinfo=UTC).date(), segments=segments)
    place = Place(offset=0, message=0)
    return 0, DayCount(trunk_id=uuid(11), account_id=uuid(1), counted_to=place, at_ms=0, used=(used,))


async def test_what_was_counted_before_is_known_before_anything_is_counted() -> None:
    """Also when it is a newer directory that says that there is a limit."""
    limited = trunk(segments_per_day=5)
    entries = [it for it in ENTRIES if it != trunk()]
    for site in (
        Site(*entries, limited, counted=[used_up(4)]),
        Site(*entries, behind=[limited], counted=[used_up(4)]),
    ):
        written = await site.run(asking(), asking())
        assert [it.topic for it in written] == [COUNTED, SEGMENTED, STATUS]
        assert set(site.counts.taken_over) == {0}


async def test_where_nothing_is_limited_no_count_is_looked_for() -> None:
    """No look at a topic, and nothing written there."""
    site = Site(counted=[used_up(4)])
    written = await site.run(asking(), asking())
    assert [it.topic for it in written] == [SEGMENTED] * 2
    assert site.counts.taken_over == []


async def test_a_refusal_stands_when_it_is_not_the_view_that_is_behind() -> None:
    """One look at the directory serves a batch."""
    late = trunk()
    site = Site(*(it for it in ENTRIES if it != late), behind=[late])
    written = await site.run(asking(), asking(), asking(source="12125550000"))
    assert [it.topic for it in written] == [SEGMENTED, SEGMENTED, STATUS]
    assert site.view.looks == 1


@pytest.mark.parametrize("place", ["process", "read_submitted", "keys"])
async def test_an_error_of_ours_sets_one_record_aside_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A dead letter says what it was, without a word of the message; all others go out, with the numbers they have."""
    from agents.processor import records as module

    bad, good = asking("poison"), asking()
    whole: Any = getattr(module, place, None)

    def fails(subject: Any, *arguments: Any) -> Any:
        if "poison" in (repr(subject) if isinstance(subject, bytes) else subject.submission.content):
            raise LookupError("poison")
        return whole(subject, *arguments)

    site = Site()
    if place == "keys":
        site.repetitions.otherwise[1] = LookupError("poison")
    else:
        monkeypatch.setattr(module, place, fails)
    array = b"[" + good + b"," + bad + b"," + good + b"]"
    with capture_logs() as logs:
        written = await site.run(good, array, good)
    (source,) = sources(written)
    assert (source.reason, source.offset, "LookupError" in source.detail) == ("internal-error", 1, True)
    assert "poison" not in source.detail + repr(logs)
    assert [(it["partition"], it["offset"]) for it in logs if it["event"] == "record_set_aside"] == [(0, 1)]
    letter = next(it for it in written if it.topic == dead_letter_topic(SUBMITTED))
    if place == "process":
        assert (source.element, letter.value) == (1, bad)
        origins = [dict(it.headers)["origin"].decode().split(":")[1:3] for it in written if it.topic == SEGMENTED]
        assert origins == [["0", "0"], ["1", "0"], ["1", "2"], ["2", "0"]]
    else:
        assert (source.element, letter.value) == (None, array)
        assert [it.topic for it in written].count(SEGMENTED) == 2
    assert site.acked == [(0, 0), (0, 1), (0, 2)]


async def test_an_error_of_the_brokers_ends_the_process_and_acks_nothing() -> None:
    """It is nobody's record."""
    site = Site()
    site.producer.error = NotAcknowledged("no answer")
    with pytest.raises(NotAcknowledged):
        await site.run(asking())
    assert site.acked == []


async def test_a_long_row_that_cannot_be_read_holds_up_nobody() -> None:
    """Beyond the brake only where it lies is kept, before it is acked."""
    site = Site(limit=3)
    written = await site.run(*[b"{"] * 10, asking(), key=trunk().id.encode())
    assert [(it.first_offset, it.offset) for it in sources(written)] == [(None, 0), (None, 1), (None, 2), (3, 9)]
    assert [it.topic for it in written].count(SEGMENTED) == 1
    assert len(site.acked) == 11


async def test_a_record_that_unpacks_to_more_than_is_allowed_is_set_aside() -> None:
    """The limit is the record's own size, compressed or not."""
    large = Submission.to_bytes(submission(id=uuid(9))) + b" " * MAX_RECORD_BYTES
    (source,) = sources(await Site().run(large))
    assert source.reason == "oversized-record"


async def test_each_message_of_a_traced_submission_has_a_span_and_names_it() -> None:
    """A refusal, too; the others of the array, and what is written of them, know nothing of it."""
    tracer = TracerInMemory()
    context = TraceContext("a" * 32, "b" * 16, sampled=True, state="v=1")
    value = b"[" + b",".join([asking(), asking(destinations=2), asking(source="12125550000")]) + b"]"
    plain = await Site().run(value)
    written = await Site(tracing=Tracing(tracer)).run(
        value, headers=[*context.headers(1), *context._replace(span_id="c" * 16).headers(2)]
    )
    assert [(it.topic, it.value) for it in written] == [(it.topic, it.value) for it in plain]
    assert written[0] == plain[0]
    assert [it.name for it in tracer.spans] == ["process"] * 3
    assert [it.parent and it.parent.span_id for it in tracer.spans] == ["b" * 16, "b" * 16, "c" * 16]
    assert [trace_of(it.headers) for it in written[1:]] == [it.context for it in tracer.spans]
    ids = [json.loads(it.value or b"") for it in written[1:]]
    assert [it.attributes[MESSAGE_ID] for it in tracer.spans] == [it.get("id") or it["message_id"] for it in ids]
    assert [it.attributes[OUTCOME] for it in tracer.spans] == ["routed", "routed", "Routing error"]
    assert all(it.ended for it in tracer.spans)


async def test_a_message_that_waits_for_its_time_takes_its_trace_along() -> None:
    """And one that could not be sent is refused now, in the same trace."""
    tracer = TracerInMemory()
    context = TraceContext("a" * 32, "b" * 16, sampled=True)
    later = CREATED + timedelta(hours=1)
    value = b"[" + asking(send_at=later) + b"," + asking(send_at=later, source="12125550000") + b"]"
    written = await Site(tracing=Tracing(tracer)).run(value, headers=context.headers(), at=CREATED.timestamp())
    assert [it.topic for it in written] == [SCHEDULED, STATUS]
    assert [trace_of(it.headers) for it in written] == [it.context for it in tracer.spans]
    assert [it.attributes[OUTCOME] for it in tracer.spans] == ["scheduled", "Routing error"]
    assert all(it.ended and it.parent == context for it in tracer.spans)


async def test_a_text_is_written_in_the_tables_that_its_carrier_takes() -> None:
    """As the profile of the directory's carrier says; the trunk has asked for it."""
    text = "Çağrınız alınmıştır, teşekkürler. " * 3
    for profile, language in (("septets", "turkish"), (None, None)):
        asked = trunk(smart_encoding=SmartEncoding.REPLACE)
        [record] = await Site(account(), did(), asked, carrier(profile=profile), route()).run(asking(text))
        assert MtMessage.from_bytes(record.value or b"").national_language == language
