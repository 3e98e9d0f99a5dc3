"""What the topics say about some messages, and reading it in any order, for tests of the message log.

A `Lives` holds records by topic and partition, as the agents write them. `read_into` brings them into a database in
batches that a seed chooses: how the topics were interleaved is nobody's to know.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, select

from pipeline.directory.model import Directory
from pipeline.message_log.database import known_days
from pipeline.message_log.tables import tables_of
from pipeline.message_log.writing.batch import LogBatch
from pipeline.message_log.writing.decoding import TOPICS, RecordReader
from pipeline.message_log.writing.writer import LogPlace, LogWriter
from schemas import topics
from schemas.identifiers import message_id_of_destination, segment_id
from schemas.messages.callback import AttemptOutcome
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.destination import Destination
from schemas.messages.status import CodeId, StatusName, StatusStage
from schemas.messages.submission import Submission
from schemas.record import InRecord, Record
from schemas.state.journal import JournalMark
from tests.builders import (
    account,
    callback_attempt,
    directory_of,
    journal_entry,
    message,
    status,
    submission,
    trunk,
    uuid,
)  # fmt: skip

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIDNIGHT: Final = datetime(2026, 3, 1, 23, 59, 59, 900_000, tzinfo=UTC)
PARTITIONS: Final = 3
CAMPAIGN_ID: Final = uuid(19)
DIRECTORY: Final = directory_of(
    account(1, store_texts=True), account(2), trunk(11), trunk(12, account_id=uuid(2)), trunk(13)
)


@dataclass
class Lives:
    """Records by topic and partition."""

    records: dict[LogPlace, list[InRecord]] = field(default_factory=dict)
    made: int = 0

    def add(self, topic: str, partition: int, value: bytes | None, at: datetime = NOON) -> InRecord:
        """Write a record."""
        held = self.records.setdefault(LogPlace(topic, partition), [])
        record = InRecord(topic, partition, len(held), int(at.timestamp() * 1000), None, value, ())
        held.append(record)
        return record

    def submitted(self, *given: Submission, partition: int = 0, at: datetime = NOON) -> InRecord:
        """Write what was submitted: alone, or as an array."""
        values = [it.to_bytes() for it in given]
        return self.add(
            topics.SUBMITTED, partition, values[0] if len(values) == 1 else b"[" + b",".join(values) + b"]", at
        )

    def record(self, topic: str, partition: int, record: Record, at: datetime = NOON) -> None:
        """Write one of our own."""
        self.add(topic, partition, record.to_bytes(), at)

    def live(
        self, seed: random.Random, at: datetime = NOON, trunk_id: str = uuid(11), account_id: str = uuid(1)
    ) -> str:
        """Let one message live through everything that can happen to one; return its id."""
        self.made += 1
        identity, destination = uuid(1000 + self.made), str(15_550_000_000 + self.made)
        lane, key = seed.randrange(PARTITIONS), seed.randrange(PARTITIONS)
        named = {"client_reference": f"order {self.made % 9}", "tags": ("shop", f"day, {self.made % 5}")}
        labels: dict[str, Any] = named if self.made % 3 == 0 else {}
        labels |= {"campaign_id": CAMPAIGN_ID} if self.made % 4 == 0 else {}
        about: dict[str, Any] = {
            "trunk_id": trunk_id,
            "account_id": account_id,
            "destination": destination,
            "accepted_at": at,
            **labels,
        }
        to = Destination(address=destination, id=identity)
        self.submitted(
            submission(to, trunk_id=trunk_id, accepted_at=at, content="Hi", **labels),
            partition=seed.randrange(PARTITIONS), at=at + timedelta(milliseconds=2),
        )  # fmt: skip
        way = seed.choice(["refused", "queued", "going", "sent", "sent", "sent", "failed", "delivered", "canceled"])
        if self.made % 7 == 0:
            way = self._schedule(seed, to, way, at, {"trunk_id": trunk_id, **labels})
        if way in ("queued", "scheduled"):
            return identity
        ended = at + timedelta(milliseconds=seed.randrange(5, 500))
        end: dict[str, Any] = {**about, "message_id": identity, "ended_at": ended}
        if way == "refused":
            refused = status(
                **end, status=StatusName.ROUTING_ERROR, code_id=CodeId.SOURCE_NOT_ALLOWED, reason="not yours"
            )
            self.record(topics.STATUS, key, refused, ended)
        elif way == "canceled":
            refused = status(**end, status=StatusName.CANCELED, reason="canceled by the customer")
            self.record(topics.STATUS, key, refused, ended)
        else:
            count = seed.randrange(1, 4)
            sent = message(count, id=identity, **about)
            for _ in range(seed.choice([1, 1, 2])):  # a processor that was killed writes it again
                self.record(topics.SEGMENTED, lane, sent, at + timedelta(milliseconds=4))
            if way == "going":
                count -= 1
            for seqnum in range(1, count + 1):
                self._post(seed, identity, seqnum, lane, at, refused=way == "failed" and seqnum == count)
            if way == "going":
                return identity
            failed: dict[str, Any] = {
                "status": StatusName.FAILED,
                "code_id": CodeId.ROUTING_FAILED,
                "reason": "HTTP 400",
            }
            outcome = status(
                **end, segments_total=count, segments_sent=count - (way == "failed"), carrier_id=uuid(21),
                **(failed if way == "failed" else {}),
            )  # fmt: skip
            self.record(topics.STATUS, key, outcome, ended)
            refused = outcome
            if way == "delivered":
                for word in ("ACCEPTD", "DELIVERED"):
                    receipt = status(**end, stage=StatusStage.DELIVERY, status=word, segments_sent=count)
                    self.record(topics.STATUS, key, receipt, ended)
        for number in range(1, seed.randrange(1, 4)):
            attempt = callback_attempt(
                refused, attempt=number, at=ended + timedelta(seconds=number), outcome=AttemptOutcome.FAILED,
                error="no answer",
            )  # fmt: skip
            self.record(topics.CALLBACK_ATTEMPTED, key, attempt, ended)
        return identity

    def _schedule(self, seed: random.Random, to: Destination, way: str, at: datetime, about: dict[str, Any]) -> str:
        """Let a message wait for its time, in a bulk or alone, and have it cancelled now and then; return its way."""
        bulk_id = uuid(700 + self.made) if self.made % 2 else None
        waiting = submission(
            to, id=bulk_id, accepted_at=at, send_at=at + timedelta(days=seed.randrange(1, 30)), content="Hi", **about
        )
        for _ in range(seed.choice([1, 2])):  # a processor that was killed writes it again
            self.record(topics.SCHEDULED, seed.randrange(PARTITIONS), waiting, at + timedelta(milliseconds=3))
        for number in range(2 if way == "canceled" else seed.choice([0, 1])):
            wish = CancelRequest(
                trunk_id=about["trunk_id"], id=bulk_id or to.id or "", bulk=bulk_id is not None or None,
                requested_at=at + timedelta(seconds=1),
            )  # fmt: skip
            self.record(topics.CANCEL_REQUESTED, 0, wish, at + timedelta(seconds=1 + number))
        return "scheduled" if way == "queued" else way

    def _post(self, seed: random.Random, identity: str, seqnum: int, lane: int, at: datetime, *, refused: bool) -> None:
        attempts = seed.choice([1, 1, 2])
        for number in range(1, attempts + 1):
            last = JournalMark.REFUSED if refused else JournalMark.ACCEPTED
            for mark in (JournalMark.SUBMITTING, last if number == attempts else JournalMark.NOT_SENT):
                at += timedelta(milliseconds=seed.randrange(1, 60))
                entry = journal_entry(
                    mark, segment_id=segment_id(identity, seqnum), attempt=number, at=at,
                    carrier_message_id=f"c{seqnum}" if mark is JournalMark.ACCEPTED else None,
                )  # fmt: skip
                self.record(topics.JOURNAL, lane, entry, at)


def many_lives(count: int, seed: int = 1) -> Lives:
    """Return messages of two days and two accounts, with all that can befall them and their records."""
    chance, lives = random.Random(seed), Lives()
    for number in range(count):
        mine = number % 3 > 0
        lives.live(
            chance, MIDNIGHT if number % 5 == 0 else NOON + timedelta(seconds=number),
            uuid(11) if mine else uuid(12), uuid(1) if mine else uuid(2),
        )  # fmt: skip
    bulk = submission("15551110001", "15551110002", "15551110001", content="all", accepted_at=NOON)
    record = lives.submitted(bulk, submission("15551110003"), partition=1)
    lives.add(topics.SUBMITTED, 2, b'{"schema_version":1,"trunk_id":"x"}')
    lives.add(topics.SUBMITTED, 2, None)
    for topic in TOPICS:
        lives.add(topic, 0, b"no JSON")
    # Another trunk's message of the same id, and one of the trunk's own that contradicts itself.
    for destination, of in (("15551119999", uuid(13)), ("15551118888", uuid(12))):
        lives.submitted(
            submission(Destination(address=destination, id=uuid(1001)), trunk_id=of, accepted_at=NOON),
            partition=chance.randrange(PARTITIONS),
        )  # fmt: skip
    assert record.offset >= 0
    assert message_id_of_destination(uuid(1), "15551110001")
    return lives


def batches(lives: Lives, positions: dict[LogPlace, int], seed: int) -> Iterator[dict[LogPlace, list[InRecord]]]:
    """Yield what fetches may bring from `positions` on: some partitions, some records of each, until the end."""
    chance, position = random.Random(seed), dict(positions)
    while True:
        open_places = [place for place, held in lives.records.items() if position.get(place, 0) < len(held)]
        if not open_places:
            return
        chosen = chance.sample(open_places, chance.randrange(1, len(open_places) + 1))
        fetched: dict[LogPlace, list[InRecord]] = {}
        for place in chosen:
            begin = position.get(place, 0)
            end = min(len(lives.records[place]), begin + chance.randrange(1, 40))
            fetched[place] = lives.records[place][begin:end]
            position[place] = end
        yield fetched


def read_into(
    engine: Engine,
    lives: Lives,
    seed: int = 1,
    *,
    directory: Directory = DIRECTORY,
    may_die: Callable[[], None] = lambda: None,
) -> LogWriter:
    """Bring everything that is not in the database yet into it; `may_die` is called after each batch."""
    writer, reader = LogWriter(engine), RecordReader(directory)
    writer.open()
    for fetched in batches(lives, writer.positions, seed):
        batch = LogBatch(0, 100_000)
        for place, records in fetched.items():
            reader.read(batch, place.topic, records)
        writer.write(batch, {place: records[-1].offset + 1 for place, records in fetched.items()})
        may_die()
    return writer


def rows_of(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every day's tables, by table, in one order."""
    with engine.connect() as connection, connection.begin():
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(*table.c))), key=repr)
            for day in known_days(connection)
            for table in tables_of(day).tables
        }


@contextmanager
def disposed(engine: Engine) -> Iterator[Engine]:
    """Give out an engine, and close its connections afterwards."""
    try:
        yield engine
    finally:
        engine.dispose()
