"""From the topics into the database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from sqlalchemy import Engine

from agents.message_log.catch_up import CatchUp
from pipeline.errors import LogUnavailable
from pipeline.kafka.views.topics_feed import Fetched
from pipeline.message_log.database import migrate, parsed, writer_engine
from pipeline.message_log.writing.batch import LogBatch
from pipeline.message_log.writing.writer import LogPlace, LogWriter
from pipeline.settings import MessageLogSettings
from schemas.topics import SUBMITTED
from tests.builders import uuid
from tests.message_lives import DIRECTORY, Lives, disposed, many_lives, rows_of


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty log."""
    with disposed(writer_engine(parsed(f"sqlite:///{tmp_path / 'log.sqlite'}"))) as made:
        migrate(made)
        yield made


def taken(lives: Lives) -> Fetched:
    records: dict[TopicPartition, Any] = {TopicPartition(*place): held for place, held in lives.records.items()}
    return Fetched(records, {place: held[-1].offset + 2 for place, held in records.items()})


class Nothing:
    """A feed that is not asked."""


def reading(engine: Engine) -> tuple[CatchUp, LogWriter]:
    writer = LogWriter(engine)
    writer.open()
    settings = MessageLogSettings(retention_days=3650)
    return CatchUp(Nothing(), writer, DIRECTORY, settings, 120.0), writer  # type: ignore[arg-type]


def test_positions_go_beyond_gaps(engine: Engine) -> None:
    """Where a transaction's marker is the last, nothing is ahead."""
    lives = many_lives(5)
    reader, writer = reading(engine)
    reader._write(taken(lives))
    assert writer.positions == {place: len(held) + 1 for place, held in lives.records.items()}


@pytest.mark.parametrize("failure", [OverflowError(), LogUnavailable("too large", rejected=True)])
def test_a_record_that_no_database_takes_keeps_none_of_its_neighbours(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """Whatever is in it: it is passed over, and an agent that starts again goes on behind it."""
    lives = many_lives(40)
    reader, writer = reading(engine)
    write = LogWriter.write

    def refusing(self: LogWriter, batch: LogBatch, positions: dict[LogPlace, int]) -> None:
        if any(
            (uuid(1003), uuid(12)) in day.messages or (uuid(1003), uuid(11)) in day.messages
            for day in batch.days.values()
        ):
            raise OverflowError
        write(self, batch, positions)

    monkeypatch.setattr(LogWriter, "write", refusing)
    reader._write(taken(lives))
    found = {row[0] for name, rows in rows_of(engine).items() if name.startswith("messages") for row in rows}
    assert uuid(1003) not in found
    assert {uuid(1001), uuid(1002), uuid(1004), uuid(1040)} <= found
    assert writer.positions[LogPlace(SUBMITTED, 0)] == len(lives.records[LogPlace(SUBMITTED, 0)]) + 1


def test_a_database_that_takes_nothing_is_no_record_s_fault(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent ends, and nothing is passed over."""
    reader, writer = reading(engine)

    def away(*_: Any) -> None:
        raise LogUnavailable("away")

    monkeypatch.setattr(LogWriter, "write", away)
    with pytest.raises(LogUnavailable):
        reader._write(taken(many_lives(5)))
    assert writer.positions == {}
