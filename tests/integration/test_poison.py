"""Whatever lies in a topic is processed or set aside with its coordinates, and nobody who reads it ends over it.

One broker of its own holds every codec and format, and batches whose bytes were damaged on its disk, in every topic
that has readers; then each reader has to come through, and what is good has to come out.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from agents.commands.dead_letters import read_book, read_one
from pipeline.directory.model import Directory
from pipeline.idempotency.keys import name_of
from pipeline.idempotency.store import ClaimStore
from pipeline.kafka.admin.group_offsets import group_offsets
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.views.claims_view import ClaimsView
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import AgentSettings
from pipeline.slot import Slot
from schemas.directory.account import Account
from schemas.directory.carrier import Carrier
from schemas.directory.entry import key_of
from schemas.headers.dead_letter import DeadLetterSource
from schemas.identifiers import uuid7
from schemas.messages.mt_message import MtMessage
from schemas.messages.status import MessageStatus
from schemas.messages.submission import Submission
from schemas.record import UnreadableBatch
from schemas.state.day_count import Place
from schemas.state.screening import Screening
from schemas.topics import DIRECTORY, DLR_RECEIVED, SCREENED, SEGMENTED, STATUS, SUBMITTED, dead_letter_topic
from tests.arena.arena import Arena
from tests.batches import CODECS, RawBatch, RawRecord
from tests.brokers import running_broker
from tests.builders import account, message, status, submission
from tests.integration.poisoned_topics import Poisoned, damage, poison
from tests.raw_producer import raw_producer

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio(loop_scope="module")]

LETTERS = dead_letter_topic(DLR_RECEIVED)
LIMIT_SECONDS = 60
MEMORY_MB = 400  # an agent that does nothing has 100


class Site(NamedTuple):
    """The arena, and what lies in its topics."""

    arena: Arena
    poisoned: dict[str, Poisoned]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A broker of its own, whose topics are poisoned before anybody has read them."""
    folder = tmp_path_factory.mktemp("poison")
    with running_broker(folder) as broker:
        arena = await Arena(broker, folder).start()
        try:
            poisoned = await poison_all(arena)
            broker.stop()
            for it in poisoned.values():
                damage(folder / "data", it)
            broker.start()
            yield Site(arena, poisoned)
        finally:
            await arena.stop()


async def poison_all(arena: Arena) -> dict[str, Poisoned]:
    """Poison every topic that somebody reads; the records name what the arena's directory has."""
    trunk, numbers = arena.world.trunk, count(1)
    carrier_id = next(it.id for it in arena.world.entries if isinstance(it, Carrier))

    def submitted() -> RawRecord:
        asked = submission(
            arena.number(), trunk_id=trunk.id, id=uuid7(), idempotency_key=f"poison-{next(numbers)}", content="Poison"
        )
        return RawRecord(asked.to_bytes(), trunk.id.encode())

    def segmented() -> RawRecord:
        number = arena.number()
        made = message(
            id=uuid7(), trunk_id=trunk.id, account_id=arena.world.account.id, destination=number, carrier_id=carrier_id,
            expires_at=message().expires_at.replace(year=2199),
        )  # fmt: skip
        return RawRecord(made.to_bytes(), number.encode())

    def told() -> RawRecord:
        made = status(message_id=uuid7(), trunk_id=trunk.id, account_id=arena.world.account.id)
        return RawRecord(made.to_bytes(), made.message_id.encode())

    def letter() -> RawRecord:
        source = DeadLetterSource(DLR_RECEIVED, 0, next(numbers), 1, "test", "in-doubt", "why")
        return RawRecord(b"bytes", None, [(name.encode(), value) for name, value in source.to_headers()])

    def entry() -> RawRecord:
        made = account(id=uuid7(), name=f"Poison {next(numbers)}")
        return RawRecord(made.to_bytes(), key_of(made))

    def screened() -> RawRecord:
        place = Place(offset=next(numbers), message=0)
        made = Screening(trunk_id=trunk.id, screened_to=place, at_ms=1, passed=None)
        return RawRecord(made.to_bytes(), trunk.id.encode())

    makes = {
        SUBMITTED: submitted, SCREENED: screened, SEGMENTED: segmented, STATUS: told, LETTERS: letter, DIRECTORY: entry,
    }  # fmt: skip
    async with raw_producer(arena.kafka.bootstrap_servers) as producer:
        return {topic: await poison(producer, topic, 0, make) for topic, make in makes.items()}


@pytest.mark.parametrize("topic", [SUBMITTED, SCREENED, SEGMENTED, STATUS, LETTERS, DIRECTORY])
async def test_a_reader_of_a_topic_comes_to_its_end(site: Site, topic: str) -> None:
    """Every good record in its place, and of what cannot be read, where it is and why."""
    poisoned = site.poisoned[topic]
    reading = read_topic(site.arena.kafka, topic, client_id="test-poison", partitions=[0])
    async with asyncio.timeout(LIMIT_SECONDS), aclosing(reading) as records:
        found = [record async for record in records]
    assert all(isinstance(it, str) and isinstance(content, bytes) for record in found for it, content in record.headers)
    good = {it.offset: (it.key, it.value) for it in found if it.offset in poisoned.good}
    assert good == {offset: (it.key, it.value) for offset, it in poisoned.good.items()}
    reasons = {it.offset: it.value.reason for it in found if isinstance(it.value, UnreadableBatch)}
    assert reasons == {offset: why for offset, why in poisoned.bad.items() if why != "malformed-json"}


@pytest.mark.parametrize("topic", [SEGMENTED, STATUS])
async def test_a_member_of_a_group_is_handed_everything_and_commits_to_the_end(site: Site, topic: str) -> None:
    """Delivery and callback read so. An offset that is handed out can be committed, also that of a whole batch."""
    poisoned, group = site.poisoned[topic], f"test-poison-{uuid7()}"
    consumer = TrackedConsumer(
        site.arena.kafka, AgentSettings(), slot=Slot.take(None, group), group=group, topics=[topic], run_ahead=1000
    )
    await consumer.start()
    offsets: list[int] = []
    async with asyncio.timeout(LIMIT_SECONDS):
        async for batch in consumer.batches(asyncio.Event()):
            for work in batch:
                if work.record.partition == 0:
                    offsets.append(work.record.offset)
                assert work.begin()
                work.finish()
            if offsets and offsets[-1] == poisoned.end - 1:
                break
    await consumer.commit()
    await consumer.stop()
    assert sorted([*poisoned.good, *poisoned.bad]) == [
        it for it in offsets if it in poisoned.good or it in poisoned.bad
    ]
    found = await group_offsets(site.arena.kafka, group, [topic], client_id="test-poison")
    assert next(it.committed for place, it in found.items() if place.partition == 0) == poisoned.end


async def test_the_view_of_keys_knows_every_key_that_can_be_read(site: Site) -> None:
    """And starts, which ingress waits for."""
    poisoned = site.poisoned[SUBMITTED]
    view = await ClaimsView(site.arena.kafka, ClaimStore(None), client_id="test-poison").start()
    for offset, record in poisoned.good.items():
        if offset in range(poisoned.old, poisoned.old + 4):
            continue  # of another time
        asked = Submission.from_bytes(record.value or b"")
        assert view.known(name_of(0, asked.trunk_id, asked.idempotency_key or ""), b"") is not None
    await view.stop()


async def test_the_view_of_the_directory_has_every_entry_that_can_be_read(site: Site) -> None:
    """What a stranger has written into it is passed over."""
    view = await DirectoryView(site.arena.kafka, client_id="test-poison").start()
    directory: Directory = view.directory
    wanted = {Account.from_bytes(it.value or b"").id for it in site.poisoned[DIRECTORY].good.values()}
    assert wanted <= {it.id for it in directory.entries(Account)}
    await view.stop()


async def test_the_book_of_dead_letters_has_every_letter_and_no_marker_of_a_stranger(site: Site) -> None:
    """Headers that look like an operator's marker settle nothing."""
    poisoned = site.poisoned[LETTERS]
    book = await read_book(site.arena.kafka, LETTERS)
    found = {it.offset for it in book.select(settled_too=False, reason=None, since=None)}
    assert found == set(poisoned.good) - {poisoned.old + n for n in range(4)}  # old formats have no headers
    for offset in found:
        assert (await read_one(site.arena.kafka, LETTERS, offset)).value == b"bytes"


async def test_the_agents_live_through_all_of_it_and_let_everything_good_through(site: Site) -> None:
    """Nobody ends, every offset is committed, each bad one is a dead letter with its coordinates; what comes after is
    taken over HTTP with a key and over the topic, and reaches the carrier."""
    arena, poisoned = site.arena, site.poisoned
    await arena.stand()
    sent = [await arena.send(key="after-poison"), await arena.send()]
    produced = arena.number()
    asked = submission(produced, trunk_id=arena.world.trunk.id, id=uuid7())
    await arena.produce(SUBMITTED, asked.to_bytes(), key=arena.world.trunk.id.encode(), partition=0)
    wanted = {it.destination for it in sent} | {produced}
    of_another_time = range(poisoned[SUBMITTED].old, poisoned[SUBMITTED].old + 4)
    for offset, record in poisoned[SUBMITTED].good.items():
        if offset not in of_another_time:
            wanted.add(Submission.from_bytes(record.value or b"").destinations[0].address)
    wanted |= {MtMessage.from_bytes(it.value or b"").destination for it in poisoned[SEGMENTED].good.values()}
    await arena.until("the carrier", lambda: wanted <= {it["destination"] for it in arena.ledger()}, LIMIT_SECONDS)
    assert await arena.settle() == []
    assert {name: it.exit_code for name, it in arena.processes.items()} == dict.fromkeys(arena.processes)
    numbers = [it["destination"] for it in arena.ledger()]
    assert len(numbers) == len(set(numbers))
    letters = [DeadLetterSource.from_headers(it.headers) for it in arena.topics.dead_letters() if source_of(it)]
    for topic in (SUBMITTED, SEGMENTED, STATUS):
        found = {it.offset: it for it in letters if (it.topic, it.partition) == (topic, 0)}
        bad = dict(poisoned[topic].bad)
        if topic == SUBMITTED:  # they have keys, and no time at which these could be judged
            bad |= dict.fromkeys(of_another_time, "idempotency-unknown")
        assert {at: it.reason for at, it in found.items()} == {
            at: "schema-violation" if why == "malformed-json" and topic != SUBMITTED else why for at, why in bad.items()
        }
        assert found[poisoned[topic].damaged + 2].first_offset == poisoned[topic].damaged
    inbox = {it["body"] for it in await arena.inbox()}
    for record in poisoned[STATUS].good.values():
        told = MessageStatus.from_bytes(record.value or b"").message_id
        assert any(told in body for body in inbox)


def source_of(record: Any) -> DeadLetterSource | None:
    try:
        return DeadLetterSource.from_headers(record.headers)
    except (KeyError, ValueError):
        return None


async def test_small_batches_that_hold_much_take_no_memory(site: Site) -> None:
    """Half a gigabyte in half a megabyte: records of the largest size, dozens in a batch, in every partition."""
    arena = site.arena
    await arena.stand()
    batch = RawBatch([RawRecord(b'{"content":"' + b"x" * 900_000)] * 18, CODECS["zstd"]).encode()
    async with raw_producer(arena.kafka.bootstrap_servers) as producer:
        for partition in list(range(4)) * 8:
            assert await producer.write(SUBMITTED, partition, batch) is not None
    assert await arena.settle() == []
    peaks = {name: peak_memory_mb(arena.processes[name].pid) for name in ("processor", "ingress")}
    assert max(peaks.values()) < MEMORY_MB, peaks


def peak_memory_mb(pid: int) -> float:
    return int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024
