"""What the broker says of groups, topics and disks becomes metrics: also when no agent is there to tell.

One process of an installation does this, the panel. Its two connections stay open, so a look costs a dozen requests.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.admin.group_offsets import PartitionOffsets
from pipeline.kafka.admin.log_folders import UNKNOWN, DescribeLogFolders, folders_of
from pipeline.kafka.admin.partitions import existing_partitions
from pipeline.kafka.client import connection, reading, start, stop
from pipeline.metrics import BROKER_DISK_FREE, BROKER_DISK_SIZE, BROKER_LOOKS, GROUP_LAG, TOPIC_BYTES
from pipeline.settings import KafkaSettings

LOOK_SECONDS: Final = 10.0
LOOK_LIMIT_SECONDS: Final = 30.0
TOPICS: Final = "sms."
GROUPS: Final = "sms-"

_looks = {outcome: BROKER_LOOKS.labels(outcome) for outcome in ("answered", "failed")}

log = structlog.get_logger(__name__)


class BrokerFigures:
    """Looks at what the groups of `GROUPS` have to do, and at the disks; `follow` must be running.

    A broker that does not answer is looked at again: nobody's work depends on it.
    """

    def __init__(self, kafka: KafkaSettings, *, client_id: str) -> None:
        self._kafka = kafka
        self._client_id = client_id
        self._disks_are_refused = False
        self._shown: set[tuple[str, str]] = set()

    async def follow(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self._look_while_it_answers()
            except (BrokerUnreachable, KafkaError, TimeoutError, OSError) as error:
                _looks["failed"].inc()
                log.warning("broker_figures_missing", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look_while_it_answers(self) -> None:
        consumer = AIOKafkaConsumer(
            **reading(self._kafka), client_id=self._client_id, isolation_level="read_committed"
        )  # fmt: skip
        admin = AIOKafkaAdminClient(**connection(self._kafka), client_id=self._client_id, request_timeout_ms=10_000)
        try:
            async with asyncio.timeout(self._kafka.connect_timeout_seconds):
                await start(consumer, self._kafka)
                await start(admin, self._kafka)
            while True:
                async with asyncio.timeout(LOOK_LIMIT_SECONDS):
                    await self._look(consumer, admin)
                _looks["answered"].inc()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            with suppress(KafkaError, OSError):
                await admin.close()
            await stop(consumer)

    async def _look(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        places = await existing_partitions(consumer, [it for it in await consumer.topics() if it.startswith(TOPICS)])
        groups = sorted({name for name, *_ in await admin.list_consumer_groups() if name.startswith(GROUPS)})
        committed = {group: await admin.list_consumer_group_offsets(group) for group in groups}
        # After the commits: what is committed in between must not look like less than nothing.
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        lags: Counter[tuple[str, str]] = Counter()
        for group, positions in committed.items():
            topics = {place.topic for place in positions}
            for place in places:
                if place.topic in topics:
                    known = positions.get(place)
                    at = None if known is None or known.offset < 0 else known.offset
                    lags[group, place.topic] += PartitionOffsets(begins[place], ends[place], at).lag
        for labels, lag in lags.items():
            GROUP_LAG.labels(*labels).set(lag)
        for gone in self._shown - lags.keys():
            GROUP_LAG.remove(*gone)
        self._shown = set(lags)
        if not self._disks_are_refused:
            await self._look_at_disks(admin, places)

    async def _look_at_disks(self, admin: AIOKafkaAdminClient, places: Sequence[TopicPartition]) -> None:
        by_topic: dict[str, list[int]] = {}
        for place in places:
            by_topic.setdefault(place.topic, []).append(place.partition)
        sizes: Counter[str] = Counter(dict.fromkeys(by_topic, 0))
        for broker in admin._client.cluster.brokers():  # noqa: SLF001  # it has no public way to one broker
            answer = await admin._send_request_to_node(broker.nodeId, DescribeLogFolders(by_topic.items()))  # noqa: SLF001
            try:
                folders = folders_of(answer)
            except KafkaError as error:
                # Without leave to describe the cluster there are no such figures; all else goes on.
                log.warning("broker_disks_not_told", error=repr(error))
                self._disks_are_refused = True
                return
            for folder in folders:
                sizes.update(folder.topics)
                if folder.size != UNKNOWN:
                    BROKER_DISK_SIZE.labels(str(broker.nodeId), folder.path).set(folder.size)
                    BROKER_DISK_FREE.labels(str(broker.nodeId), folder.path).set(folder.free)
        for topic, size in sizes.items():
            TOPIC_BYTES.labels(topic).set(size)
