"""The view of Idempotency-Keys on a real topic: who holds a key, where reading goes on, and when it begins anew."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from pipeline.errors import BrokerUnreachable, Refused, StateLost
from pipeline.idempotency.keys import LOOK_BACK_MS, Keyed, SubmissionOffset, Verdict, keyed_submissions, name_of
from pipeline.idempotency.store import ClaimStore
from pipeline.kafka.views.claims_view import ClaimsView
from pipeline.settings import KafkaSettings
from tests import builders
from tests.builders import uuid

pytestmark = pytest.mark.kafka

TRUNK = uuid(11)
HOUR_MS = 3_600_000


def submission(key: str | None, content: str = "Hello") -> bytes:
    return builders.submission(idempotency_key=key, content=content).to_bytes()


class Topic:
    """A topic of its own, whose records carry the times that the test gives them, and views of it."""

    def __init__(self, kafka: str, folder: Path) -> None:
        self.kafka = KafkaSettings(bootstrap_servers=kafka)
        self.name = f"submitted-{uuid4().hex[:8]}"
        self.folder = folder
        self.views: list[ClaimsView] = []

    async def __aenter__(self) -> "Topic":
        self.admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap_servers)
        self.producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap_servers)
        await self.admin.start()
        await self.producer.start()
        await self.make()
        return self

    async def __aexit__(self, *_: object) -> None:
        for view in self.views:
            await view.stop()
        await self.producer.stop()
        await self.admin.close()

    async def make(self) -> None:
        await self.admin.create_topics([NewTopic(self.name, 2, 1, topic_configs={"retention.ms": "-1"})])

    async def make_anew(self) -> None:
        await self.admin.delete_topics([self.name])
        async with asyncio.timeout(30):
            while self.name in await self.admin.list_topics():
                await asyncio.sleep(0.1)
        await self.make()

    async def write(self, value: bytes, at_ms: int | None = None, partition: int = 0) -> Keyed:
        """Write one record; return its submission as the rule sees it."""
        at_ms = at_ms or time.time_ns() // 1_000_000
        written = await self.producer.send_and_wait(self.name, value, partition=partition, timestamp_ms=at_ms)
        found = list(keyed_submissions(partition, written.offset, at_ms, value))
        return found[0] if found else Keyed(b"", SubmissionOffset(written.offset, 0), at_ms, b"")

    async def gives_out(self, offset: int, partition: int = 0) -> None:
        """Wait until the broker gives out so much: it writes a marker a moment after it has answered."""
        place, consumer = TopicPartition(self.name, partition), AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap_servers, isolation_level="read_committed"
        )  # fmt: skip
        await consumer.start()
        async with asyncio.timeout(30):
            while (await consumer.end_offsets([place]))[place] < offset:
                await asyncio.sleep(0.05)
        await consumer.stop()

    async def view(self, file: str | None = None, group: str | None = None) -> tuple[ClaimsView, ClaimStore]:
        store = ClaimStore(self.folder / file if file else None)
        view = ClaimsView(self.kafka, store, client_id="test", group=group, topic=self.name)
        self.views.append(await view.start())
        return view, store


@pytest_asyncio.fixture(loop_scope="function")
async def topic(kafka: str, tmp_path: Path) -> AsyncIterator[Topic]:
    async with Topic(kafka, tmp_path) as made:
        yield made


async def judged(view: ClaimsView, keyed: Keyed) -> Verdict:
    async with asyncio.timeout(30):
        await view.catch_up({0: keyed.submission.offset + 1})
    return view.judge(keyed)


async def test_views_that_race_agree(topic: Topic) -> None:
    """Two processes write under the same keys at the same time: of each key one submission holds, whoever asks."""
    (first, _), (second, _) = await topic.view(), await topic.view()

    async def submit(view: ClaimsView, key: str) -> Verdict:
        return await judged(view, await topic.write(submission(key)))

    keys = [f"key-{n}" for n in range(20)]
    verdicts = await asyncio.gather(*(submit(view, key) for key in keys for view in (first, second)))

    assert [{Verdict.HOLDS, Verdict.REPEATS}] * len(keys) == [
        set(verdicts[at : at + 2]) for at in range(0, len(verdicts), 2)
    ]


async def test_follow_takes_in_what_others_write(topic: Topic) -> None:
    """Without anybody asking, a key that is written elsewhere is known a moment later."""
    view, _ = await topic.view()
    following = asyncio.create_task(view.follow())
    await topic.write(submission(None))
    keyed = await topic.write(submission("a"))

    async with asyncio.timeout(30):
        while view.known(name_of(0, TRUNK, "a"), b"") is None:
            await asyncio.sleep(0.05)

    following.cancel()
    assert (await judged(view, keyed), await judged(view, await topic.write(submission("a", "Other")))) == (
        Verdict.HOLDS,
        Verdict.CONFLICTS,
    )


async def test_reading_goes_on_where_it_ended(topic: Topic) -> None:
    """A kept file is gone on with: what was read is not read again, what came meanwhile is."""
    now = time.time_ns() // 1_000_000
    await topic.write(submission("a"), now - 2 * HOUR_MS)
    view, store = await topic.view("kept")
    await view.stop()
    later = await topic.write(submission("a"), now)

    view, store = await topic.view("kept")

    assert (await judged(view, later), len(store), store.positions[0].next) == (Verdict.REPEATS, 1, 2)
    assert store.complete_from_ms is not None
    assert store.complete_from_ms <= now - LOOK_BACK_MS


@pytest.mark.parametrize("records", [1, 5])
async def test_topic_made_anew_is_read_anew(topic: Topic, records: int) -> None:
    """A file of another topic of the same name is of no use, whether the new one is shorter or longer."""
    for n in range(3):
        await topic.write(submission(f"old-{n}"))
    view, _ = await topic.view("kept")
    await view.stop()
    await topic.make_anew()
    keyed = [await topic.write(submission(f"new-{n}")) for n in range(records)]

    view, store = await topic.view("kept")

    assert [await judged(view, it) for it in keyed] == [Verdict.HOLDS] * records
    assert (len(store), view.known(name_of(0, TRUNK, "old-1"), b"")) == (records, None)


async def test_only_what_counts_is_read(topic: Topic) -> None:
    """Without a file reading begins at the records of the last two days, and a look back beyond it is refused."""
    now = time.time_ns() // 1_000_000
    days_ago = [await topic.write(submission(f"old-{n}"), now - 80 * HOUR_MS) for n in range(3)]
    await topic.write(submission("a"), now - 20 * HOUR_MS)

    view, store = await topic.view()

    assert (view.known(name_of(0, TRUNK, "old-1"), b""), len(store)) == (
        None,
        2,
    )  # one more: its time tells topics apart
    assert await judged(view, await topic.write(submission("a"), now)) is Verdict.REPEATS
    with pytest.raises(Refused, match="older than what is kept"):
        view.judge(days_ago[0])


async def test_group_that_lags_is_waited_for(topic: Topic) -> None:
    """For a group that has yet to process old records, what came before those is read, and judges them right."""
    now = time.time_ns() // 1_000_000
    first = await topic.write(submission("a"), now - 100 * HOUR_MS)
    lagging = [
        await topic.write(submission("a"), now - 80 * HOUR_MS),
        await topic.write(submission("a"), now - 10 * HOUR_MS),
    ]
    group = f"group-{uuid4().hex[:8]}"
    consumer = AIOKafkaConsumer(
        bootstrap_servers=topic.kafka.bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    place = TopicPartition(topic.name, 0)
    consumer.assign([place])
    await consumer.commit({place: first.submission.offset + 1})
    await consumer.stop()

    view, _ = await topic.view("kept", group)
    # The second one is a repetition of what the group has processed; the third comes when the key is free again.
    assert [await judged(view, it) for it in lagging] == [Verdict.REPEATS, Verdict.HOLDS]
    await view.stop()

    alone, _ = await topic.view("kept")  # one file for both would be enough for who needs less
    assert await judged(alone, lagging[1]) is Verdict.HOLDS


async def test_damaged_file_is_made_again(topic: Topic) -> None:
    """A file that is no database is replaced by what the topic says."""
    keyed = await topic.write(submission("a"))
    (topic.folder / "kept").write_bytes(b"not a database" * 1000)

    view, _ = await topic.view("kept")

    assert await judged(view, keyed) is Verdict.HOLDS


async def test_transactions_markers_hold_nothing_up(topic: Topic) -> None:
    """A direct producer's transaction ends in a marker that is no record; nobody waits for it."""
    producer = AIOKafkaProducer(bootstrap_servers=topic.kafka.bootstrap_servers, transactional_id=uuid4().hex)
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(topic.name, submission("a"), partition=0)
    await producer.stop()
    await topic.gives_out(2)

    view, _ = await topic.view()

    assert view.known(name_of(0, TRUNK, "a"), b"") is not None
    assert await judged(view, await topic.write(submission("a"))) is Verdict.REPEATS


async def transacting(topic: Topic) -> AIOKafkaProducer:
    """Return a producer whose transaction is open."""
    producer = AIOKafkaProducer(bootstrap_servers=topic.kafka.bootstrap_servers, transactional_id=uuid4().hex)
    await producer.start()
    await producer.begin_transaction()
    return producer


async def test_what_is_aborted_holds_no_key(topic: Topic) -> None:
    """It is never sent: whoever comes next with its key is the first."""
    aborting, committing = await transacting(topic), await transacting(topic)
    for producer, key in ((aborting, "a"), (committing, "b"), (aborting, "c")):
        await producer.send_and_wait(topic.name, submission(key), partition=0)
    await aborting.abort_transaction()
    await committing.commit_transaction()
    await asyncio.gather(aborting.stop(), committing.stop())

    view, _ = await topic.view()

    verdicts = [await judged(view, await topic.write(submission(key))) for key in ("a", "b", "c")]
    assert verdicts == [Verdict.HOLDS, Verdict.REPEATS, Verdict.HOLDS]


async def test_who_waits_behind_an_open_transaction_keeps_nobody_waiting(topic: Topic) -> None:
    """What lies behind it is given out when it ends; keys of other partitions are told meanwhile."""
    view, _ = await topic.view()
    producer = await transacting(topic)
    await producer.send_and_wait(topic.name, submission("a"), partition=1)
    behind = await topic.write(submission("b"), partition=1)
    waiting = [asyncio.create_task(view.catch_up({1: behind.submission.offset + 1})) for _ in range(50)]
    await asyncio.sleep(0.2)  # all of them have had a look

    async with asyncio.timeout(10):
        for number in range(10):
            assert await judged(view, await topic.write(submission(f"key-{number}"))) is Verdict.HOLDS
    assert not any(it.done() for it in waiting)

    await producer.abort_transaction()
    await producer.stop()
    async with asyncio.timeout(30):
        await asyncio.gather(*waiting)
    assert view.judge(behind) is Verdict.HOLDS


async def test_unknown_partition_asks_for_a_restart(topic: Topic) -> None:
    """Partitions that were added later are not guessed about."""
    view, _ = await topic.view()
    with pytest.raises(BrokerUnreachable, match="restart"):
        await view.catch_up({7: 1})


async def test_records_that_are_gone_before_they_are_read(topic: Topic) -> None:
    """Retention overtook the view: nothing is guessed; the file is given up, and the next start reads anew."""
    view, _ = await topic.view("kept")
    for n in range(3):
        await topic.write(submission(f"gone-{n}"))
    last = await topic.write(submission("a"))
    place = TopicPartition(topic.name, 0)
    await topic.admin.delete_records({place: RecordsToDelete(before_offset=2)})

    with pytest.raises(StateLost, match="gone from the topic"):
        await judged(view, last)
    with pytest.raises(StateLost, match="gone from the topic"):  # ends the process
        await view.follow()
    assert list(topic.folder.iterdir()) == []

    again, store = await topic.view("kept")
    assert (await judged(again, last), len(store)) == (Verdict.HOLDS, 2)


async def test_store_that_fails(topic: Topic) -> None:
    """A disk that is full while keys are taken in: the same."""
    view, store = await topic.view("kept")
    store._database.execute("PRAGMA max_page_count=1")
    keyed = await topic.write(b"[" + b",".join(submission(f"key-{n}") for n in range(500)) + b"]")

    with pytest.raises(StateLost, match=r"the store has failed: .* has no room for .*: database or disk is full"):
        await judged(view, keyed)
    with pytest.raises(StateLost):
        view.known(keyed.name, b"")
    assert list(topic.folder.iterdir()) == []
