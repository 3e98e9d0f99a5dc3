"""Agents on a broker of their own, which is poisoned between good messages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from schemas.headers.causation import causation_of
from schemas.headers.dead_letter import DeadLetterSource
from schemas.identifiers import uuid7
from schemas.topics import SEGMENTED, STATUS, SUBMITTED
from tests.arena.arena import PARTITIONS, Arena
from tests.arena.life import Life
from tests.batches import RawBatch, RawRecord
from tests.brokers import RunningBroker, running_broker
from tests.builders import submission
from tests.fuzz.strategies import TRUNK, Damage, Step, Transact, Write
from tests.raw_producer import RawProducer, batches_in, raw_producer, segments_of

THROUGH_SECONDS: Final = 60.0  # a machine that runs other tests too
FIRST_COVERED: Final = 21  # of a batch: what is before is not part of its checksum, and the broker relies on it itself


class Pipeline:
    """The arena with all its agents, and what is done to its public topic."""

    def __init__(self, arena: Arena, broker: RunningBroker, folder: Path) -> None:
        self.arena = arena
        self._broker = broker
        self._folder = folder
        self._rounds = 0

    async def try_steps(self, steps: Sequence[Step]) -> None:
        """Do what Hypothesis has drawn; then a good message must get through, and nobody may have ended."""
        self._rounds += 1
        partition = self._rounds % PARTITIONS
        async with raw_producer(self.arena.kafka.bootstrap_servers) as producer:
            for step in steps:
                if isinstance(step, Write):
                    await producer.write(SUBMITTED, partition, self._named(step.batch).encode())
                elif isinstance(step, Transact):
                    await self._transact(producer, step, partition)
        await self.lets_through(partition)

    async def try_damage(self, damages: Sequence[Damage]) -> None:
        """Let batches lie unread in the topic, and flip bits in them on the disk of a broker that is stopped."""
        await self.arena.stand_only({"delivery": Life(), "callback": Life()})
        flips: dict[int, Damage] = {}
        async with raw_producer(self.arena.kafka.bootstrap_servers) as producer:
            for damage in damages:
                offset = await producer.write(SUBMITTED, 0, self._named(damage.batch).encode())
                if offset is not None:
                    flips[offset] = damage
        # The last batch stays whole: by a damaged one a broker that starts can take its log for empty, and writes what
        # comes next where nobody will find it.
        await self._produce(0)
        self._broker.stop()
        for segment in segments_of(self._folder / "data", SUBMITTED, 0):
            written = bytearray(segment.read_bytes())
            for offset, begin, end in batches_in(bytes(written)):
                for place, bit in flips[offset].flips if offset in flips else ():
                    written[begin + FIRST_COVERED + place % (end - begin - FIRST_COVERED)] ^= 1 << bit
            segment.write_bytes(written)
        self._broker.start()
        await self.arena.stand()
        await self.lets_through(0)

    async def lets_through(self, partition: int) -> None:
        """Send good messages behind whatever lies there, and wait for the carrier to have them."""
        arena = self.arena
        produced = await self._produce(partition)
        posted = await arena.send(key=f"fuzz-{self._rounds}-{uuid7()}")
        wanted = {produced, posted.destination}

        def is_through() -> bool:
            ended = {name: it.exit_code for name, it in arena.processes.items() if it.exit_code is not None}
            assert ended == {}, f"ended: {ended}"
            return wanted <= {it["destination"] for it in arena.ledger()[-2000:]}

        await arena.until("the carrier", is_through, THROUGH_SECONDS)

    async def _produce(self, partition: int) -> str:
        """Write a good message past ingress; return where it goes."""
        to = self.arena.number()
        asked = submission(to, trunk_id=self.arena.world.trunk.id, id=uuid7())
        await self.arena.produce(SUBMITTED, asked.to_bytes(), key=b"good", partition=partition)
        return to

    async def account(self) -> None:
        """Hold the books: each record is committed, and caused something, or is a dead letter with its place."""
        assert await self.arena.settle() == []
        topics = self.arena.topics
        await topics.catch_up()
        accounted: set[tuple[int, int]] = set()
        for record in topics.dead_letters():
            source = _source_of(record)
            if source is not None and source.topic == SUBMITTED:
                first = source.offset if source.first_offset is None else source.first_offset
                accounted |= {(source.partition, it) for it in range(first, source.offset + 1)}
        for record in topics.records(SEGMENTED, STATUS):
            if (causation := causation_of(record.headers)) is not None:
                accounted.add((causation.partition, causation.offset))
        lost = [
            (it.partition, it.offset) for it in topics.records(SUBMITTED) if (it.partition, it.offset) not in accounted
        ]
        assert lost == []

    def _named(self, batch: RawBatch) -> RawBatch:
        return replace(batch, records=[self._named_record(it) for it in batch.records])

    def _named_record(self, record: RawRecord) -> RawRecord:
        return replace(record, value=self._with_trunk(record.value), key=self._with_trunk(record.key))

    def _with_trunk(self, data: bytes | None) -> bytes | None:
        return None if data is None else data.replace(TRUNK, self.arena.world.trunk.id.encode())

    async def _transact(self, plain: RawProducer, step: Transact, partition: int) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.arena.kafka.bootstrap_servers, transactional_id=f"fuzz-{uuid7()}"
        )
        await producer.start()
        try:
            await producer.begin_transaction()
            for value in step.values:
                named = self._with_trunk(value) or b""
                await producer.send_and_wait(SUBMITTED, named[:900_000], partition=partition)
                await plain.write(SUBMITTED, partition, RawBatch([RawRecord(b"in between")]).encode())
            await (producer.commit_transaction() if step.commits else producer.abort_transaction())
        finally:
            await producer.stop()


def _source_of(record: Any) -> DeadLetterSource | None:
    try:
        return DeadLetterSource.from_headers(record.headers)
    except (KeyError, ValueError):
        return None


@asynccontextmanager
async def running_pipeline(folder: Path) -> AsyncIterator[Pipeline]:
    """Run it with its files in `folder`."""
    with running_broker(folder) as broker:
        arena = await Arena(broker, folder).start()
        try:
            await arena.stand()
            yield Pipeline(arena, broker, folder)
        finally:
            await arena.stop()
