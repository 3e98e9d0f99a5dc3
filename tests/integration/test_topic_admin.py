"""Topics on a real broker: created once, compared ever after."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from pipeline.errors import ConfigurationError
from pipeline.kafka.admin import topic_admin, topic_drift
from pipeline.kafka.admin.group_offsets import group_offsets
from pipeline.kafka.admin.topic_drift import Drift, TopicReport, TopicState
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.topics import CALLBACK_RETRY, catalogue, tier_topic
from tests.brokers import running_broker

pytestmark = pytest.mark.kafka

TOPICS = TopicSettings(partitions=3, replication_factor=1, min_insync_replicas=1)
RETRY = RetrySettings(callback_delays_seconds=(5, 30), mt_delays_seconds=(5,))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """A broker for this module alone: the tests build on each other's topics, in order."""
    with running_broker(tmp_path_factory.mktemp("topics")) as broker:
        yield KafkaSettings(bootstrap_servers=broker.bootstrap_servers)


def drifted(reports: list[TopicReport]) -> dict[str, tuple[Drift, ...]]:
    return {report.topic.name: report.drifts for report in reports if report.state is TopicState.DRIFTED}


async def test_applying_twice_creates_everything_once(settings: KafkaSettings) -> None:
    """Before: all missing. The first run creates the whole catalogue, the second finds nothing to do."""
    before = await topic_admin.inspect(settings, TOPICS, RETRY)
    first = await topic_admin.apply(settings, TOPICS, RETRY)
    second = await topic_admin.apply(settings, TOPICS, RETRY)
    names = [topic.name for topic in catalogue(3, (5, 30), (5,))]
    assert [(report.topic.name, report.state) for report in before] == [(name, TopicState.MISSING) for name in names]
    assert [(report.topic.name, report.state) for report in first] == [(name, TopicState.CREATED) for name in names]
    assert second == [replace(report, state=TopicState.UNCHANGED) for report in first]


@pytest.mark.parametrize("hours", [-2, 2, 24 * 365])
async def test_a_clock_that_is_wrong_stops_no_topic(settings: KafkaSettings, hours: int) -> None:
    """Records carry the time of who writes them: whichever topic it is, they are taken."""
    at_ms = int(time.time() * 1000) + hours * 3_600_000
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers)
    await producer.start()
    try:
        for topic in catalogue(3, (5, 30), (5,)):
            written = await producer.send_and_wait(topic.name, b"{}", key=b"key", timestamp_ms=at_ms)
            assert (topic.name, written.offset >= 0) == (topic.name, True)
    finally:
        await producer.stop()


async def test_every_config_is_in_force(settings: KafkaSettings) -> None:
    """The broker itself tells the configs of the catalogue, for every topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    await admin.start()
    try:
        topics = catalogue(3, (5, 30), (5,))
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, it.name) for it in topics])
    finally:
        await admin.close()
    told = {
        resource["resource_name"]: {
            entry["config_names"]: entry["config_value"] for entry in resource["config_entries"]
        }
        for resource in answer.to_object()["resources"]
    }
    wanted = {topic.name: topic_drift.configs_of(topic, TOPICS) for topic in topics}
    assert {name: {key: told[name][key] for key in configs} for name, configs in wanted.items()} == wanted


async def test_drift_is_told_and_left_alone_then_fixed_on_request(settings: KafkaSettings) -> None:
    """A shortened retention and a raised partition count are reported; --fix sets the first and never the second."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    await admin.start()
    try:
        (topic,) = [topic for topic in catalogue(3) if topic.name == "sms.mt.submitted"]
        changed = {**topic_drift.configs_of(topic, TOPICS), "retention.ms": "1000", "segment.ms": "3600000"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "sms.mt.submitted", changed)])
        await admin.create_partitions({"sms.mt.status": NewPartitions(total_count=5)})
        week = str(7 * 86_400_000)
        retention, partitions = Drift("retention.ms", week, "1000"), Drift("partitions", "3", "5")

        expected = {"sms.mt.submitted": (retention,), "sms.mt.status": (partitions,)}
        # A broker tells an acknowledged change a moment later.
        async with asyncio.timeout(20):
            while drifted(await topic_admin.inspect(settings, TOPICS, RETRY)) != expected:
                await asyncio.sleep(0.1)
        assert drifted(await topic_admin.apply(settings, TOPICS, RETRY)) == expected

        fixed = await topic_admin.apply(settings, TOPICS, RETRY, fix=True)
        assert drifted(fixed) == {"sms.mt.status": (partitions,)}
        assert [it.topic.name for it in fixed if it.state is TopicState.FIXED] == ["sms.mt.submitted"]
        again = await topic_admin.apply(settings, TOPICS, RETRY)
        assert drifted(again) == {"sms.mt.status": (partitions,)}
        # What an operator had set beside the catalogue's configs has survived.
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "sms.mt.submitted")])
        entries = answer.to_object()["resources"][0]["config_entries"]
        assert [it["config_value"] for it in entries if it["config_names"] == "segment.ms"] == ["3600000"]
    finally:
        await admin.close()


async def test_more_copies_than_brokers_are_refused_by_name(settings: KafkaSettings) -> None:
    """A replication factor that one broker cannot grant is an error that names the setting, and nothing is created."""
    retry = RetrySettings(callback_delays_seconds=(7,))  # a tier that no other test has made on this broker
    with pytest.raises(ConfigurationError, match="SMSOUT_TOPICS_REPLICATION_FACTOR"):
        await topic_admin.apply(settings, TopicSettings(replication_factor=3, min_insync_replicas=2), retry)
    reports = await topic_admin.inspect(settings, TOPICS, retry)
    assert {report.state for report in reports if report.topic.name == "sms.callback.retry.7s"} == {TopicState.MISSING}


async def test_what_was_made_is_served_at_once(settings: KafkaSettings, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever asks next for the offsets of many new topics is not refused once, and asks nothing twice."""
    delays = tuple(range(1000, 1040))
    await topic_admin.apply(settings, TOPICS, RetrySettings(callback_delays_seconds=delays, mt_delays_seconds=(5,)))
    caplog.clear()
    new = [tier_topic(CALLBACK_RETRY, it) for it in delays]
    offsets = await group_offsets(settings, "nobody", new, client_id="test")
    assert len(offsets) == len(new) * TOPICS.partitions
    assert [it.getMessage() for it in caplog.records if it.name.startswith("aiokafka.consumer")] == []
