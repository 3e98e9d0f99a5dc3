"""What the message log costs and how fast it answers: `python -m tests.bench.message_log [--messages N] [--url URL]`.

Writes messages as their five topics have them (a submission in a record of twenty, one segment, two marks, a status, an
attempt), in batches, and then asks for them. Times of writing are CPU time of this process: SQLite's is all of it,
PostgreSQL's server has its own. What Kafka's client takes for a record comes on top of it.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, text

from agents.memory import collect_seldom
from pipeline.message_log.database import migrate, parsed, reader_engine, reading, writer_engine
from pipeline.message_log.reading.look_up import find, history_of
from pipeline.message_log.reading.search import Search, search_page
from pipeline.message_log.reading.statistics import Stretch, statistics
from pipeline.message_log.writing.batch import LogBatch
from pipeline.message_log.writing.decoding import TOPICS, RecordReader
from pipeline.message_log.writing.writer import LogPlace, LogWriter
from schemas import topics
from schemas.identifiers import uuid7
from schemas.messages.callback import AttemptOutcome, CallbackAttempt
from schemas.messages.destination import UncheckedDestination
from schemas.messages.mt_message import DataCoding, UncheckedMtMessage, UncheckedSegment
from schemas.messages.status import CodeId, StatusName, StatusStage, UncheckedMessageStatus
from schemas.messages.submission import UncheckedSubmission
from schemas.record import InRecord
from schemas.state.journal import JournalMark, UncheckedJournalEntry
from schemas.unchecked import encode, unchecked
from tests.builders import account, directory_of, trunk, uuid

TEXT: Final = "Your code is 4711, and it is good for ten minutes"
TRUNKS: Final = tuple(uuid(100 + number) for number in range(50))
SOURCES: Final = tuple(str(12_125_550_000 + number) for number in range(200))
IN_ONE_RECORD: Final = 20
ASKED: Final = 300

_attempt: Final = unchecked(CallbackAttempt)


def records_of(first: int, count: int, begin: datetime, chance: random.Random, ids: list[str]) -> dict[str, Any]:
    """Return what topics have of so many messages; appends their ids."""
    found: dict[str, list[InRecord]] = {topic: [] for topic in TOPICS}
    together: list[Any] = []

    def add(topic: str, record: Any) -> None:
        at_ms = int(begin.timestamp() * 1000) + first
        found[topic].append(InRecord(topic, 0, first + len(found[topic]), at_ms, None, encode(record), ()))

    for number in range(first, first + count):
        at, identity, trunk_id = begin + timedelta(milliseconds=3 * number), uuid7(), TRUNKS[number % len(TRUNKS)]
        ids.append(identity)
        source, to = SOURCES[number % len(SOURCES)], str(12_000_000_000 + chance.randrange(10**9))
        together.append(
            UncheckedSubmission(
                id=identity, trunk_id=trunk_id, source=source, content=TEXT, accepted_at=at,
                destinations=(UncheckedDestination(address=to, id=identity),),
            )
        )  # fmt: skip
        if len(together) == IN_ONE_RECORD:
            add(topics.SUBMITTED, together)
            together = []
        common: dict[str, Any] = {
            "trunk_id": trunk_id, "account_id": uuid(1), "source": source, "destination": to, "accepted_at": at,
            "price_per_segment": Decimal("0.0075"), "carrier_id": uuid(21),
        }  # fmt: skip
        add(
            topics.SEGMENTED,
            UncheckedMtMessage(
                id=identity, data_coding=DataCoding.GSM7, segments=(UncheckedSegment(seqnum=1, text=TEXT),),
                expires_at=at + timedelta(days=1), **common,
            ),
        )  # fmt: skip
        for mark, later in ((JournalMark.SUBMITTING, 20), (JournalMark.ACCEPTED, 45)):
            add(
                topics.JOURNAL,
                UncheckedJournalEntry(
                    segment_id=f"{identity}:1", mark=mark, attempt=1, topic=topics.SEGMENTED, offset=number,
                    at=at + timedelta(milliseconds=later), carrier_id=uuid(21),
                    carrier_message_id=f"c-{number}" if mark is JournalMark.ACCEPTED else None,
                ),
            )  # fmt: skip
        ended: dict[str, Any] = {"status": StatusName.SUCCESS}
        if chance.random() < 0.03:
            ended = {"status": StatusName.FAILED, "code_id": CodeId.ALL_ATTEMPTS_FAILED}
        add(
            topics.STATUS,
            UncheckedMessageStatus(
                message_id=identity, stage=StatusStage.PROCESSING, ended_at=at + timedelta(milliseconds=46),
                segments_total=1, segments_sent=1, **common, **ended,
            ),
        )  # fmt: skip
        add(
            topics.CALLBACK_ATTEMPTED,
            _attempt(
                webhook_id=f"{identity}.processing", message_id=identity, trunk_id=trunk_id, attempt=1,
                endpoint="https://example.com", at=at + timedelta(milliseconds=60), milliseconds=12,
                outcome=AttemptOutcome.ACCEPTED, status_code=200,
            ),
        )  # fmt: skip
    return found


def write_all(url: URL, messages: int, batch_messages: int) -> list[str]:
    """Write messages of one day into a database; print what each costs. Returns their ids."""
    engine = writer_engine(url)
    migrate(engine)
    writer = LogWriter(engine)
    writer.open()
    reader = RecordReader(directory_of(account(1), *(trunk(100 + number) for number in range(50))))
    # All of one day, whatever the time is: a day's tables are as large as they get.
    begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    chance, ids, decoding, writing = random.Random(1), list[str](), 0.0, 0.0
    last = 0.0
    for first in range(0, messages, batch_messages):
        found = records_of(first, batch_messages, begin, chance, ids)
        began = time.process_time()
        batch = LogBatch(0, 100_000)
        for topic, records in found.items():
            reader.read(batch, topic, records)
        read = time.process_time()
        writer.write(batch, {LogPlace(topic, 0): first + batch_messages for topic in TOPICS})
        written = time.process_time()
        assert not batch.unreadable + batch.passed_over
        decoding += read - began
        writing += written - read
        last = written - began
    print(f"reading records    {decoding / messages * 1e6:6.1f} us of CPU a message")
    print(f"writing rows       {writing / messages * 1e6:6.1f} us of CPU a message")
    print(f"both, last batch   {last / batch_messages * 1e6:6.1f} us of CPU a message")
    if url.get_backend_name() != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    engine.dispose()
    return ids


def ask(url: URL, ids: list[str]) -> None:
    """Print how long answers take."""
    engine, chance = reader_engine(url), random.Random(2)
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    span = timedelta(milliseconds=3 * len(ids))
    questions: dict[str, Callable[[Connection], object]] = {
        "look-up by id": lambda it: find(it, chance.choice(ids), trunk_id=None),
        "with its history": lambda it: history_of(it, find(it, chance.choice(ids))[0]),
        "first page, account": lambda it: search_page(it, Search(account_id=uuid(1)), 50),
        "first page, trunk": lambda it: search_page(it, Search(trunk_ids=(chance.choice(TRUNKS),)), 50),
        "an hour's failures": lambda it: search_page(
            it, Search(account_id=uuid(1), states=("Failed",), since=(at := day + span * chance.random()),
                       until=at + timedelta(hours=1)), 50),
        "source and failures": lambda it: search_page(
            it, Search(account_id=uuid(1), states=("Failed",), sources=(chance.choice(SOURCES),)), 50),
        "a destination": lambda it: search_page(
            it, Search(account_id=uuid(1), destinations=(str(12_000_000_000 + chance.randrange(10**9)),)), 50),
        "six digits in it": lambda it: search_page(
            it, Search(account_id=uuid(1), destinations_containing=(f"{chance.randrange(10**6):06d}",)), 50),
        "digits not there": lambda it: search_page(
            it, Search(account_id=uuid(1), destinations_containing=("999999999999",)), 50),
        "queued (none are)": lambda it: search_page(it, Search(account_id=uuid(1), states=("Queued",)), 50),
        "an hour in numbers": lambda it: statistics(
            it, Stretch(at := day + span * chance.random(), at + timedelta(hours=1), timedelta(minutes=1), uuid(1))),
        "a trunk's day": lambda it: statistics(
            it, Stretch(day, day + timedelta(days=1), timedelta(minutes=30), uuid(1), chance.choice(TRUNKS))),
        "the day in numbers": lambda it: statistics(
            it, Stretch(day, day + timedelta(days=1), timedelta(minutes=30), uuid(1))),
    }  # fmt: skip
    seldom = {"digits not there", "an hour in numbers", "a trunk's day", "the day in numbers"}
    for name, question in questions.items():
        times = []
        for _ in range(ASKED // 10 if name in seldom else ASKED):
            began = time.perf_counter()
            with reading(engine) as connection:
                question(connection)
            times.append(time.perf_counter() - began)
        times.sort()
        median, p95 = times[len(times) // 2] * 1e3, times[len(times) * 95 // 100] * 1e3
        print(f"{name:20} median {median:7.1f} ms   p95 {p95:7.1f} ms")
    engine.dispose()


def main() -> None:
    """Measure, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=200_000)
    options.add_argument("--batch", type=int, default=4000, help="messages of one transaction")
    options.add_argument("--url", help="an empty database; without it a SQLite file that goes afterwards")
    given = options.parse_args()
    collect_seldom()
    with tempfile.TemporaryDirectory() as folder:
        url = parsed(given.url or f"sqlite:///{folder}/log.sqlite")
        messages = given.messages // given.batch * given.batch
        print(f"{messages:,} messages, {url.get_backend_name()}")
        ids = write_all(url, messages, given.batch)
        if url.get_backend_name() == "sqlite":
            print(f"size on disk       {Path(str(url.database)).stat().st_size / messages:6.0f} bytes a message")
        ask(url, ids)


if __name__ == "__main__":
    main()
