"""Publish SMS straight to the topic `sms.mt.submitted`, without HTTP. See docs/producers.md.

    python -m examples.produce_to_topic --ready-file READY.json
    python -m examples.produce_to_topic --bootstrap-servers 127.0.0.1:9092 --trunk-id ID --source 12125551234

Every message has an id of its own, made from `--batch` and its number: run it again with the same batch after a crash,
and every message is the same message, not another one. Needs aiokafka and nothing else of this repository.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4, uuid5

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

TOPIC: Final = "sms.mt.submitted"
MAX_COUNT: Final = 8_000_000  # distinct numbers 1212 2000000 to 1212 9999999
MAX_PER_RECORD: Final = 1000  # the topic's limit, for submissions in an array and for destinations of one submission
OUTSTANDING_RECORDS: Final = 200  # written and not yet acknowledged: bounds memory, keeps the broker busy
NAMESPACE: Final = UUID("3c1b8f0e-5a55-5d7d-8a43-6f8f3f0a9c21")


@dataclass(frozen=True)
class Order:
    """What to publish: `count` messages of one trunk, `per_record` of them in each record."""

    trunk_id: str
    source: str
    content: str
    count: int
    per_record: int
    bulk: bool
    batch: str


def message_id(batch: str, number: int) -> str:
    """Return the id of message `number` of a batch, the same at every run."""
    return str(uuid5(NAMESPACE, f"{batch}/{number}"))


def record_values(order: Order) -> Iterator[bytes]:
    """Yield the records' values: arrays of submissions, or (bulk) one submission with many destinations each."""
    for start in range(0, order.count, order.per_record):
        numbers = range(start, min(start + order.per_record, order.count))
        destinations = [{"address": f"1212{2_000_000 + n}", "id": message_id(order.batch, n)} for n in numbers]
        common = {"schema_version": 1, "trunk_id": order.trunk_id, "source": order.source, "content": order.content}
        value: object
        if order.bulk:
            value = common | {"id": message_id(order.batch, start), "destinations": destinations}
        else:
            value = [common | {"id": it["id"], "destinations": [it]} for it in destinations]
        yield json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


async def publish(order: Order, bootstrap_servers: str) -> float:
    """Publish and return the seconds it took until the broker had acknowledged every record.

    Raises `KafkaError` when the broker does not take a record; what was acknowledged before stays.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        enable_idempotence=True,  # retries on the way to the broker neither repeat nor reorder; implies acks=all
        linger_ms=5,
        max_batch_size=524_288,
        compression_type="gzip",
    )
    try:
        await producer.start()
        started = time.monotonic()
        outstanding: list[asyncio.Future[object]] = []
        for value in record_values(order):
            # The trunk id as key: aiokafka's default partitioner is murmur2, as Java's, so that all messages of the
            # trunk are in one partition, in order.
            outstanding.append(await producer.send(TOPIC, value, key=order.trunk_id.encode()))
            if len(outstanding) >= OUTSTANDING_RECORDS:
                await asyncio.gather(*outstanding)
                outstanding.clear()
        await asyncio.gather(*outstanding)
        return time.monotonic() - started
    finally:
        await producer.stop()


def _arguments(arguments: list[str] | None) -> tuple[Order, str]:
    parser = argparse.ArgumentParser(description="Publish SMS to the topic sms.mt.submitted.")
    parser.add_argument("--ready-file", type=Path, help="what `smsout up --ready-file` wrote: fills in the next three")
    parser.add_argument("--bootstrap-servers")
    parser.add_argument("--trunk-id")
    parser.add_argument("--source", help="a DID that the trunk may send from")
    parser.add_argument("--content", default="Hello World!")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--per-record", type=int, default=100, help="messages in one record, at most 1000")
    parser.add_argument("--bulk", action="store_true", help="one submission with many destinations in each record")
    parser.add_argument("--batch", help="names the run; the same name gives the same message ids")
    given = parser.parse_args(arguments)
    servers, trunk_id, source = given.bootstrap_servers, given.trunk_id, given.source
    if given.ready_file is not None:
        ready = json.loads(given.ready_file.read_text())
        servers = servers or ready["bootstrap_servers"]
        trunk_id = trunk_id or ready["trunk"]["id"]
        source = source or ready["trunk"]["sources"][0]
    if not (servers and trunk_id and source):
        parser.error("give --ready-file, or --bootstrap-servers, --trunk-id and --source")
    if not 1 <= given.count <= MAX_COUNT:
        parser.error(f"--count: 1 to {MAX_COUNT}")
    if not 1 <= given.per_record <= MAX_PER_RECORD:
        parser.error(f"--per-record: 1 to {MAX_PER_RECORD}")
    batch = given.batch or str(uuid4())
    return Order(trunk_id, source, given.content, given.count, given.per_record, given.bulk, batch), servers


def main(arguments: list[str] | None = None) -> int:
    """Publish and print the rate; 1 when the broker did not take everything."""
    order, servers = _arguments(arguments)
    print(f"batch {order.batch}: {order.count} messages from {order.source} to {TOPIC} at {servers}")
    try:
        seconds = asyncio.run(publish(order, servers))
    except KafkaError as error:
        print(f"the broker did not take everything: {error!r}", file=sys.stderr)
        print(f"run again with --batch {order.batch}: every message keeps its id", file=sys.stderr)
        return 1
    print(f"{order.count} messages acknowledged in {seconds:.2f} s: {order.count / seconds:.0f} messages/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
