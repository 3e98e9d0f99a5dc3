"""Creates the catalogue's topics and reports what differs; it never deletes, shrinks or repartitions anything.

A difference ("drift") is a decision of somebody: a partition count that was raised, a retention that was shortened.
So it is reported, and only topic configs are put right, on request. Partition counts stay as they are in any case:
changing one moves keys to other partitions and breaks the order of what is under way.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    for_code,
)

from pipeline.errors import BrokerError, BrokerUnreachable, ConfigurationError
from pipeline.kafka.admin.partitions import existing_partitions
from pipeline.kafka.admin.topic_drift import TopicReport, TopicState, configs_of, drifts_of, normal
from pipeline.kafka.client import connection, reading, start, stop
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.topics import Topic, catalogue

_SET_ON_TOPIC: Final = 1  # DescribeConfigs' config_source for a value of the topic's own (KIP-226)


class _Found(NamedTuple):
    partitions: int
    replicas: int
    has_leaders: bool


async def apply(
    kafka: KafkaSettings, topics: TopicSettings, retry: RetrySettings, *, fix: bool = False
) -> list[TopicReport]:
    """Create what is missing, report on every topic of the catalogue and, with `fix`, put topic configs right.

    Returns when every topic can be written to. Raises `BrokerUnreachable`, `ConfigurationError` when the broker
    cannot grant the replication asked for, `BrokerError` when it refuses anything else.
    """
    wanted = _catalogue(topics, retry)
    async with _admin(kafka) as admin:
        created = await _create(admin, wanted, topics)
        found = await _wait_for_leaders(admin, [topic.name for topic in wanted], kafka.connect_timeout_seconds)
        await _wait_until_served(kafka, created)
        present = [topic for topic in wanted if topic.name not in created]
        reports = {topic.name: TopicReport(topic, TopicState.CREATED) for topic in wanted if topic.name in created}
        reports |= await _compare(admin, present, found, topics)
        if fix:
            for name in await _fix(admin, list(reports.values()), topics):
                reports |= await _compare(admin, [reports[name].topic], found, topics, otherwise=TopicState.FIXED)
        return [reports[topic.name] for topic in wanted]


async def inspect(kafka: KafkaSettings, topics: TopicSettings, retry: RetrySettings) -> list[TopicReport]:
    """Report on every topic of the catalogue and change nothing. Raises `BrokerUnreachable`."""
    wanted = _catalogue(topics, retry)
    async with _admin(kafka) as admin:
        found = await _find(admin)
        present = [topic for topic in wanted if topic.name in found]
        reports = await _compare(admin, present, found, topics)
        return [reports.get(topic.name) or TopicReport(topic, TopicState.MISSING) for topic in wanted]


def _catalogue(topics: TopicSettings, retry: RetrySettings) -> tuple[Topic, ...]:
    if topics.min_insync_replicas > topics.replication_factor:
        raise ConfigurationError(
            f"SMSOUT_TOPICS_MIN_INSYNC_REPLICAS is {topics.min_insync_replicas}: no record could ever be acknowledged "
            f"with SMSOUT_TOPICS_REPLICATION_FACTOR {topics.replication_factor}"
        )
    return catalogue(topics.partitions, retry.callback_delays_seconds, retry.mt_delays_seconds)


@asynccontextmanager
async def _admin(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection(kafka), client_id="topic-admin", request_timeout_ms=30_000)
    try:
        await start(admin, kafka)
        yield admin
    except (KafkaError, TimeoutError) as error:
        raise BrokerUnreachable(
            f"the Kafka broker at {kafka.bootstrap_servers} (SMSOUT_KAFKA_BOOTSTRAP_SERVERS) failed: {error!r}"
        ) from error
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, wanted: Sequence[Topic], topics: TopicSettings) -> set[str]:
    """Ask for all topics in one request; return the names of those that did not exist."""
    answer = await admin.create_topics(
        [
            NewTopic(
                topic.name,
                topic.partitions,
                topics.replication_factor,
                topic_configs=configs_of(topic, topics),
            )
            for topic in wanted
        ]
    )
    created: set[str] = set()
    for result in answer.to_object()["topic_errors"]:
        kind = for_code(result["error_code"])
        if kind is NoError:
            created.add(result["topic"])
        elif kind is InvalidReplicationFactorError:
            raise ConfigurationError(
                f"the broker cannot keep {topics.replication_factor} copies of {result['topic']} "
                f"(SMSOUT_TOPICS_REPLICATION_FACTOR): {result.get('error_message')}"
            )
        elif kind is not TopicAlreadyExistsError:
            raise BrokerError(
                f"the broker does not create {result['topic']}: {kind.__name__}: {result.get('error_message')}",
                stage="topics",
            )
    return created


async def _find(admin: AIOKafkaAdminClient) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    for topic in await admin.describe_topics():
        partitions: list[dict[str, Any]] = topic["partitions"]
        if partitions:
            found[topic["topic"]] = _Found(
                partitions=len(partitions),
                replicas=min(len(partition["replicas"]) for partition in partitions),
                has_leaders=all(partition["leader"] >= 0 for partition in partitions),
            )
    return found


async def _wait_for_leaders(
    admin: AIOKafkaAdminClient, names: Iterable[str], limit_seconds: float
) -> dict[str, _Found]:
    """A created topic reaches the brokers' view of the cluster a moment after it was acknowledged."""
    deadline = asyncio.get_running_loop().time() + limit_seconds
    while True:
        found = await _find(admin)
        waiting = [name for name in names if name not in found or not found[name].has_leaders]
        if not waiting:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise BrokerError(f"no broker leads {', '.join(waiting)} after {limit_seconds:g} s", stage="topics")
        await asyncio.sleep(0.05)


async def _wait_until_served(kafka: KafkaSettings, names: Collection[str]) -> None:
    """A broker knows that it leads a partition before it has made its log: until then it refuses whoever asks.

    One client waits here for all that come after: of those each would ask for each of its topics again and again.
    """
    if not names:
        return
    consumer = AIOKafkaConsumer(**reading(kafka), client_id="topic-admin")
    try:
        async with asyncio.timeout(kafka.connect_timeout_seconds):
            await start(consumer, kafka)
            await consumer.beginning_offsets(await existing_partitions(consumer, names))
    except TimeoutError:
        raise BrokerError(
            f"not every new topic is served after {kafka.connect_timeout_seconds:g} s", stage="topics"
        ) from None
    finally:
        await stop(consumer)


async def _compare(
    admin: AIOKafkaAdminClient,
    present: Sequence[Topic],
    found: Mapping[str, _Found],
    topics: TopicSettings,
    *,
    otherwise: TopicState = TopicState.UNCHANGED,
) -> dict[str, TopicReport]:
    configs = await _configs(admin, {topic.name: list(configs_of(topic, topics)) for topic in present})
    reports: dict[str, TopicReport] = {}
    for topic in present:
        wanted, have = configs_of(topic, topics), {name: value for name, (value, _) in configs[topic.name].items()}
        drifts = drifts_of(
            wanted,
            have,
            partitions=(topic.partitions, found[topic.name].partitions),
            replicas=(topics.replication_factor, found[topic.name].replicas),
        )
        unchecked = tuple(name for name in wanted if name not in have)
        reports[topic.name] = TopicReport(topic, TopicState.DRIFTED if drifts else otherwise, drifts, unchecked)
    return reports


async def _configs(
    admin: AIOKafkaAdminClient, asked: Mapping[str, list[str] | None]
) -> dict[str, dict[str, tuple[str, int]]]:
    """Return value and source of the `asked` configs (None: all of them) of each topic."""
    if not asked:
        return {}
    answers = await admin.describe_configs(
        [
            ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(keys) if keys else None)
            for name, keys in asked.items()
        ]
    )
    found: dict[str, dict[str, tuple[str, int]]] = {}
    for answer in answers:
        for resource in answer.to_object()["resources"]:
            if resource["error_code"]:
                raise BrokerError(
                    f"the broker does not tell the configs of {resource['resource_name']}: "
                    f"{for_code(resource['error_code']).__name__}: {resource['error_message']}",
                    stage="topics",
                )
            found[resource["resource_name"]] = {
                entry["config_names"]: (entry["config_value"] or "", entry["config_source"])
                for entry in resource["config_entries"]
            }
    return found


async def _fix(admin: AIOKafkaAdminClient, reports: Sequence[TopicReport], topics: TopicSettings) -> list[str]:
    """Set the configs of drifted topics; return the names of those that were changed."""
    wanted = {report.topic.name: configs_of(report.topic, topics) for report in reports}
    drifted = [
        report.topic.name
        for report in reports
        if any(drift.setting in wanted[report.topic.name] for drift in report.drifts)
    ]
    if not drifted:
        return []
    # AlterConfigs replaces all of a topic's own values: what an operator has set beside ours is sent along.
    complete = {
        name: {key: value for key, (value, source) in found.items() if source == _SET_ON_TOPIC} | wanted[name]
        for name, found in (await _configs(admin, dict.fromkeys(drifted))).items()
    }
    answers = await admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name, configs) for name, configs in complete.items()]
    )
    for answer in answers:
        for resource in answer.to_object()["resources"]:
            if resource["error_code"]:
                raise BrokerError(
                    f"the broker does not change the configs of {resource['resource_name']}: "
                    f"{for_code(resource['error_code']).__name__}: {resource['error_message']}",
                    stage="topics",
                )
    await _wait_for_configs(admin, {name: wanted[name] for name in drifted})
    return drifted


async def _wait_for_configs(
    admin: AIOKafkaAdminClient, wanted: Mapping[str, Mapping[str, str]], limit_seconds: float = 5.0
) -> None:
    """An acknowledged change shows up in what the broker tells a moment later; after the limit it is drift again."""
    deadline = asyncio.get_running_loop().time() + limit_seconds
    while asyncio.get_running_loop().time() < deadline:
        found = await _configs(admin, {name: list(configs) for name, configs in wanted.items()})
        if all(
            normal(found[name][key][0]) == normal(value)
            for name, configs in wanted.items()
            for key, value in configs.items()
            if key in found[name]
        ):
            return
        await asyncio.sleep(0.05)
