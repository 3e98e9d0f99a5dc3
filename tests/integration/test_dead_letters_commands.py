"""`smsout dead-letters` against a real broker: each letter is settled once, also when a replay is killed."""

import asyncio
import os
import sys
from contextlib import aclosing

import pytest

from pipeline.dead_letters.letter import dead_letter
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.identifiers import uuid7
from schemas.record import InRecord
from schemas.topics import DLR_RECEIVED, dead_letter_topic

pytestmark = pytest.mark.kafka

LETTERS = dead_letter_topic(DLR_RECEIVED)


async def smsout(kafka: str, *arguments: str, **settings: str) -> tuple[int | None, str]:
    """Run `smsout dead-letters`; return its exit code and what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMSOUT_")} | {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "COLUMNS": "200",
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", "from agents.commands.cli import main; main()", "dead-letters", *arguments,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode(errors="replace")


async def test_letters_are_listed_replayed_dropped_and_never_replayed_twice_unasked(
    catalogue: KafkaSettings, kafka: str
) -> None:
    """A replay that was killed after its write is in doubt; the next one leaves it alone until it is told to."""
    settings, mark = catalogue, str(uuid7())
    producer = await RecordProducer(settings, client_id="test-dead-letters").start()
    letters = [
        dead_letter(
            InRecord(DLR_RECEIVED, 0, n, 1, b"k", f"{mark}-{n}\x1b".encode(), ()),
            stage="test",
            reason=mark,
            detail="no\x1b[2J",
        )
        for n in range(3)
    ]
    ends = await producer.write(letters)
    await producer.stop()
    first = ends[LETTERS, 0] - 3

    async def replayed() -> list[str]:
        async with aclosing(read_topic(settings, DLR_RECEIVED, client_id="test-dead-letters")) as records:
            return [it.value.decode()[-2] async for it in records if it.value and it.value.startswith(mark.encode())]

    async def is_open() -> list[int]:
        code, output = await smsout(kafka, "list", "--topic", DLR_RECEIVED, "--reason", mark)
        assert (code, "\x1b" in output) == (0, False)
        return [int(line.split()[1]) - first for line in output.splitlines() if line.startswith(LETTERS)]

    assert await is_open() == [0, 1, 2]
    code, output = await smsout(kafka, "show", LETTERS, str(first))
    assert (code, f"{mark}-0" in output, "\x1b" in output) == (0, True, False)
    assert (await smsout(kafka, "show", LETTERS, str(first), "--raw"))[1] == f"{mark}-0\x1b"
    assert (await smsout(kafka, "drop", LETTERS, str(first)))[0] == 0
    killed = await smsout(kafka, "replay", LETTERS, str(first + 1), SMSOUT_FAILPOINT="dead_letters.after_replay:1")
    assert killed[0] == -9
    assert (await is_open(), await replayed()) == ([1, 2], ["1"])
    code, output = await smsout(kafka, "replay", LETTERS, "--reason", mark, "--yes")
    assert (code, "may have been replayed" in output) == (1, True)
    assert (await is_open(), sorted(await replayed())) == ([1], ["1", "2"])
    assert (await smsout(kafka, "replay", LETTERS, str(first + 1), "--again"))[0] == 0
    assert (await is_open(), sorted(await replayed())) == ([], ["1", "1", "2"])
