"""The producer against a real broker: where records land, in what order, and what is refused how."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from zlib import crc32

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from pipeline.errors import BrokerUnreachable, NotAcknowledged, Refused
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import DEAD_LETTER_SUFFIX, MAX_BATCH_BYTES, max_batch_bytes

pytestmark = pytest.mark.kafka

# Bytes of a record around its value here: lengths, deltas, the key `key` and no headers; then the batch's header.
RECORD_OVERHEAD = 14 + 61

CreateTopic = Callable[..., Awaitable[str]]


@pytest_asyncio.fixture
async def create_topic(kafka: str) -> AsyncIterator[CreateTopic]:
    """Return a function that creates a topic of its own name and the given configs."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()

    async def create(partitions: int = 1, suffix: str = "", **configs: str) -> str:
        name = f"test.producer-{uuid7()}{suffix}"
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
        return name

    yield create
    await admin.close()


@pytest_asyncio.fixture
async def producer(kafka: str) -> AsyncIterator[RecordProducer]:
    settings = KafkaSettings(bootstrap_servers=kafka, produce_timeout_seconds=20)
    made = await RecordProducer(settings, client_id="test-producer").start()
    yield made
    await made.stop()


async def read(kafka: str, topic: str, partitions: int = 1) -> dict[int, list[ConsumerRecord]]:
    """Return everything in `topic`, by partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, auto_offset_reset="earliest", max_partition_fetch_bytes=8_000_000
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in range(partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found: dict[int, list[ConsumerRecord]] = defaultdict(list)
        for place in places:
            while await consumer.position(place) < ends[place]:
                for got, records in (await consumer.getmany(timeout_ms=500)).items():
                    found[got.partition] += records
        return found
    finally:
        await consumer.stop()


async def test_records_land_where_their_keys_put_them(
    kafka: str, producer: RecordProducer, create_topic: CreateTopic
) -> None:
    """By the keys' CRC-32; an explicit partition wins; headers and null values arrive."""
    topic = await create_topic(5)
    hashes = {key: crc32(key) for key in (b"21", b"foobar", b"a-little-bit-long-string", b"abc")}
    explicit = OutRecord(topic, b"abc", None, (("why", b"\x00\xff"),), partition=4)
    await producer.write([*(OutRecord(topic, key, b"value of " + key) for key in hashes), explicit])
    found = {
        (partition, record.key, record.value, tuple(record.headers))
        for partition, records in (await read(kafka, topic, 5)).items()
        for record in records
    }
    assert found == {
        *((hashed % 5, key, b"value of " + key, ()) for key, hashed in hashes.items()),
        (4, b"abc", None, (("why", b"\x00\xff"),)),
    }


async def test_a_large_write_is_split_into_batches_and_keeps_its_order(
    kafka: str, producer: RecordProducer, create_topic: CreateTopic
) -> None:
    """6 MB over two partitions in one call: more than a batch may hold, in order, each record once."""
    topic = await create_topic(2)
    values = [b"%06d" % n + b"x" * 2000 for n in range(3000)]
    await producer.write(OutRecord(topic, None, value, partition=n % 2) for n, value in enumerate(values))
    found = await read(kafka, topic, 2)
    for partition in (0, 1):
        assert [record.value for record in found[partition]] == values[partition::2]


async def test_writes_one_after_the_other_keep_their_order(
    kafka: str, producer: RecordProducer, create_topic: CreateTopic
) -> None:
    """A write that has returned is before all that follow."""
    topic = await create_topic()
    for n in range(50):
        await producer.write([OutRecord(topic, b"key", b"%d" % n)])
    assert [record.value for record in (await read(kafka, topic))[0]] == [b"%d" % n for n in range(50)]


async def test_the_largest_record_is_taken_and_one_byte_more_is_refused_before_anything_is_written(
    kafka: str, producer: RecordProducer, create_topic: CreateTopic
) -> None:
    """The limit is exact, the refusal is ours and clean: its neighbours are not written, and the producer goes on."""
    topic = await create_topic(**{"max.message.bytes": str(MAX_BATCH_BYTES)})
    largest = b"x" * (MAX_BATCH_BYTES - RECORD_OVERHEAD)
    await producer.write([OutRecord(topic, b"key", largest)])
    for too_large in (largest + b"x", largest * 2):
        with pytest.raises(Refused, match="too large"):
            await producer.write([OutRecord(topic, b"key", b"before"), OutRecord(topic, b"key", too_large)])
    await producer.write([OutRecord(topic, b"key", b"after")])
    assert [record.value for record in (await read(kafka, topic))[0]] == [largest, b"after"]


async def test_the_largest_record_fits_into_a_dead_letter_topic_with_headers(
    kafka: str, producer: RecordProducer, create_topic: CreateTopic
) -> None:
    """Otherwise one huge unreadable record would stop an agent for good."""
    suffix = DEAD_LETTER_SUFFIX
    topic = await create_topic(suffix=suffix, **{"max.message.bytes": str(max_batch_bytes(suffix))})
    largest = b"x" * (MAX_BATCH_BYTES - RECORD_OVERHEAD)
    await producer.write([OutRecord(topic, b"key", largest, (("dead-letter-detail", b"d" * 8000),))])
    ((record,),) = (await read(kafka, topic)).values()
    assert (record.value, len(record.headers)) == (largest, 1)


async def test_a_batch_that_the_broker_refuses_is_not_acknowledged(
    producer: RecordProducer, create_topic: CreateTopic
) -> None:
    """The broker's word is passed on."""
    topic = await create_topic(**{"max.message.bytes": "1000"})
    with pytest.raises(NotAcknowledged, match="MessageSizeTooLarge"):
        await producer.write([OutRecord(topic, b"key", b"x" * 5000)])


async def test_a_topic_that_does_not_exist_is_not_acknowledged(kafka: str) -> None:
    """Within the time-out, and nothing is created."""
    settings = KafkaSettings(bootstrap_servers=kafka, produce_timeout_seconds=1)
    producer = await RecordProducer(settings, client_id="test-producer").start()
    try:
        with pytest.raises(NotAcknowledged):
            await producer.write([OutRecord("test.never-created", b"key", b"x")])
    finally:
        await producer.stop()


async def test_nothing_to_write_is_no_error(producer: RecordProducer) -> None:
    """An agent that found nothing to say may say so."""
    await producer.write([])


@pytest.mark.parametrize("listening", [False, True], ids=["nobody-listens", "nobody-answers"])
async def test_an_unreachable_broker_is_one_clear_error(*, listening: bool) -> None:
    """It names the address and the setting, whether the connection is refused or never answered."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listening:
            server.listen()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        producer = RecordProducer(
            KafkaSettings(bootstrap_servers=address, connect_timeout_seconds=1), client_id="test-producer"
        )
        async with asyncio.timeout(10):
            with pytest.raises(BrokerUnreachable, match=f"{address} .SMSOUT_KAFKA_BOOTSTRAP_SERVERS"):
                await producer.start()
        await producer.stop()
