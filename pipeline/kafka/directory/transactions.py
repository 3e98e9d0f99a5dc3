"""The transactions in which `sms.directory` is written, under one id: whoever began last fences all others."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pipeline.failpoints import failpoint
from pipeline.kafka.client import connection, start
from pipeline.settings import KafkaSettings
from schemas.record import OutRecord
from schemas.topics import DIRECTORY, MAX_RECORD_BYTES

log = structlog.get_logger(__name__)

TRANSACTIONAL_ID: Final = "smsout-directory-writer"
TRANSACTION_TIMEOUT_MS: Final = 60_000
"""The broker's patience. Long, for a loaded machine writing 100,000 entries; it costs nobody anything, since a dead
writer's open transaction holds back only what comes after it, and the next writer ends it at its start."""
WRITE_TIMEOUT_SECONDS: Final = 10.0
LONGEST_WRITE_SECONDS: Final = 50.0
"""Our own patience with one transaction, for a few entries and for any number. It is shorter than the broker's, whose
end would look like another writer's arrival."""
WRITES_PER_SECOND: Final = 5000  # a fifth of what a free machine does
STOP_TIMEOUT_SECONDS: Final = 3.0

Record = tuple[bytes, bytes | None]
"""Key and value; None deletes."""


async def new_producer(kafka: KafkaSettings) -> AIOKafkaProducer:
    """Return a producer that takes the place of all that began before, and ends what they have left open.

    Raises `BrokerUnreachable`.
    """
    producer = AIOKafkaProducer(
        **connection(kafka),
        client_id="directory-writer",
        transactional_id=TRANSACTIONAL_ID,
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        acks="all",
        max_batch_size=MAX_RECORD_BYTES,
        max_request_size=MAX_RECORD_BYTES + 65_536,
        request_timeout_ms=10_000,
        # Right after a commit the broker asks to wait (ConcurrentTransactions, NotEnoughReplicas): aiokafka logs
        # warnings and comes again. That is its way to say "a moment please", not a sick broker.
        retry_backoff_ms=20,
    )
    try:
        await start(producer, kafka)
    except BaseException:
        await stop_producer(producer)
        raise
    return producer


async def append(
    producer: AIOKafkaProducer,
    records: Sequence[Record],
    beside: Sequence[OutRecord],
    patience_seconds: float | None = None,
) -> int:
    """Write `records` of the directory, and those `beside` them, in one transaction; return the last one's offset.

    `patience_seconds` takes the place of `WRITE_TIMEOUT_SECONDS` where a person waits.
    Raises `KafkaError` and `TimeoutError`, after which nobody can tell what has become of it.
    """
    patience = WRITE_TIMEOUT_SECONDS if patience_seconds is None else patience_seconds
    limit = min(patience + len(records) / WRITES_PER_SECOND, LONGEST_WRITE_SECONDS)
    async with asyncio.timeout(limit):
        await producer.begin_transaction()
        last = await _send(producer, records)
        for other in beside:
            await producer.send_and_wait(
                other.topic, other.value, key=other.key, partition=other.partition, headers=list(other.headers)
            )
        failpoint("directory.after_append")
        await producer.commit_transaction()
    return last


async def _send(producer: AIOKafkaProducer, records: Sequence[Record]) -> int:
    """Append `records` in order, in as few batches as they fit; return the last one's offset."""
    acknowledgements = []
    batch, size = producer.create_batch(), 0
    for key, value in records:
        if batch.append(key=key, value=value, timestamp=None) is None:
            batch.close()
            acknowledgements.append(await producer.send_batch(batch, DIRECTORY, partition=0))
            batch, size = producer.create_batch(), 0
            if batch.append(key=key, value=value, timestamp=None) is None:
                raise KafkaError(f"{key!r} is larger than a batch")
        size += 1
    batch.close()
    acknowledgements.append(await producer.send_batch(batch, DIRECTORY, partition=0))
    written = await asyncio.gather(*acknowledgements)
    offset: int = written[-1].offset
    if offset < 0:
        raise KafkaError("the broker did not say where the records are")
    return offset + size - 1


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Stop even a producer whose broker does not answer."""
    try:
        async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
            await producer.stop()
    except (KafkaError, TimeoutError) as error:
        log.warning("directory_producer_did_not_stop", error=repr(error))
        await producer.client.close()
