"""Reading a stretch of a topic from a real broker: where it begins, where it ends, and that it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.identifiers import uuid7

pytestmark = pytest.mark.kafka

EPOCH = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)  # retention spares what is younger than a week
PARTITIONS = 2
RECORDS = 10  # in each partition, one a minute


def minute(number: float) -> datetime:
    return EPOCH + timedelta(minutes=number)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def topic(kafka: str) -> AsyncIterator[str]:
    """A topic whose values are `<partition>:<minute>`, and behind them in partition 1 an aborted transaction."""
    name = f"test.topic-reader-{uuid7()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=name)
    await producer.start()
    async with producer.transaction():
        for number in range(RECORDS):
            for partition in range(PARTITIONS):
                await producer.send(
                    name, b"%d:%d" % (partition, number), partition=partition,
                    timestamp_ms=int(minute(number).timestamp() * 1000), headers=[("n", b"%d" % number)],
                )  # fmt: skip
    await producer.begin_transaction()
    await producer.send_and_wait(name, b"never", partition=1)
    await producer.abort_transaction()
    await producer.stop()
    # Until the broker has written the transactions' markers, nothing counts as committed.
    committed, all_there = [
        AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level=f"read_{it}") for it in ("committed", "uncommitted")
    ]
    places = [TopicPartition(name, partition) for partition in range(PARTITIONS)]
    try:
        await committed.start()
        await all_there.start()
        async with asyncio.timeout(30):
            while (await committed.end_offsets(places)) != (await all_there.end_offsets(places)):
                await asyncio.sleep(0.02)
    finally:
        await committed.stop()
        await all_there.stop()
    yield name


@pytest.mark.parametrize(
    ("since", "offsets", "until", "partitions", "first", "count"),
    [
        (None, {}, None, None, {0: 0, 1: 0}, {0: 10, 1: 10}),
        (minute(7), {}, None, None, {0: 7, 1: 7}, {0: 3, 1: 3}),
        (minute(6.5), {}, None, None, {0: 7, 1: 7}, {0: 3, 1: 3}),
        (minute(2), {}, minute(5), None, {0: 2, 1: 2}, {0: 3, 1: 3}),
        (None, {}, minute(5), [0], {0: 0}, {0: 5}),
        (minute(8), {1: 4}, None, None, {0: 8, 1: 4}, {0: 2, 1: 6}),
        (minute(1000), {}, None, None, {}, {}),
        (None, {}, minute(-1000), None, {}, {}),
        (None, {0: 10_000, 1: 9}, None, None, {1: 9}, {1: 1}),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_stretch_begins_and_ends_where_it_is_asked_to(
    kafka: str,
    topic: str,
    since: datetime | None,
    offsets: dict[int, int],
    until: datetime | None,
    partitions: list[int] | None,
    first: dict[int, int],
    count: dict[int, int],
) -> None:
    """Times and offsets bound each partition; what is in it comes in order, with its time and headers, and then the
    reading ends, also behind what was aborted."""
    settings = KafkaSettings(bootstrap_servers=kafka)
    found: dict[int, list[int]] = {}
    async with asyncio.timeout(30):
        async for record in read_topic(
            settings, topic, client_id="test", since=since, offsets=offsets, until=until, partitions=partitions
        ):
            number = int((record.value or b"").partition(b":")[2])
            assert record.value == b"%d:%d" % (record.partition, number)
            assert record.headers == (("n", b"%d" % number),)
            assert record.timestamp_ms == int(minute(number).timestamp() * 1000)
            found.setdefault(record.partition, []).append(number)
    assert {it: list(range(first[it], first[it] + count[it])) for it in first} == found


@pytest.mark.asyncio(loop_scope="module")
async def test_what_comes_while_it_is_read_is_not_waited_for(kafka: str, topic: str) -> None:
    """The end is the one that there was at the beginning, however fast somebody writes."""
    settings = KafkaSettings(bootstrap_servers=kafka)
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    found = []
    try:
        async with (
            asyncio.timeout(30),
            aclosing(read_topic(settings, topic, client_id="test", since=minute(9), partitions=[0])) as records,
        ):
            async for record in records:
                found.append(record.value)
                await producer.send_and_wait(topic, b"0:10", partition=0)
    finally:
        await producer.stop()
    assert found == [b"0:9"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_missing_topic_is_a_clear_error(kafka: str) -> None:
    """Nobody waits for a topic that nobody has made."""
    with pytest.raises(BrokerUnreachable, match="smsout topics apply"):
        async for _ in read_topic(KafkaSettings(bootstrap_servers=kafka), "test.nothing-here", client_id="test"):
            pass
