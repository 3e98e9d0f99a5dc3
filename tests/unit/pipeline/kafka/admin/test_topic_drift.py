"""What counts as drift, and what an installation may not ask for."""

import pytest

from pipeline.errors import ConfigurationError
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.admin.topic_drift import Drift, configs_of, drifts_of
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.topics import catalogue

SAME = {"partitions": (4, 4), "replicas": (1, 1)}


@pytest.mark.parametrize(
    ("wanted", "found", "drifts"),
    [
        ({"retention.ms": "1"}, {"retention.ms": "1"}, ()),
        ({"retention.ms": "1"}, {"retention.ms": "2"}, (Drift("retention.ms", "1", "2"),)),
        ({"cleanup.policy": "compact,delete"}, {"cleanup.policy": "delete, compact"}, ()),
        ({"cleanup.policy": "compact"}, {"cleanup.policy": "delete"}, (Drift("cleanup.policy", "compact", "delete"),)),
        ({"retention.ms": "1"}, {"segment.ms": "5"}, ()),
    ],
)
def test_configs_are_compared_by_meaning(
    wanted: dict[str, str], found: dict[str, str], drifts: tuple[Drift, ...]
) -> None:
    """A list's order does not matter; what the broker does not tell, and what is not ours, is no drift."""
    assert drifts_of(wanted, found, partitions=(4, 4), replicas=(1, 1)) == drifts


def test_counts_are_drift_too() -> None:
    """Partitions and replication are reported like configs."""
    assert drifts_of({}, {}, partitions=(4, 8), replicas=(3, 1)) == (
        Drift("partitions", "4", "8"),
        Drift("replication factor", "3", "1"),
    )


def test_every_topic_gets_the_installations_durability() -> None:
    """min.insync.replicas goes to all topics, dead letters and the directory included."""
    settings = TopicSettings(replication_factor=3, min_insync_replicas=2)
    assert {configs_of(topic, settings)["min.insync.replicas"] for topic in catalogue(4)} == {"2"}


async def test_a_durability_that_nothing_could_satisfy_is_refused() -> None:
    """More in-sync replicas than copies would refuse every record; said before a broker is asked."""
    with pytest.raises(ConfigurationError, match="SMSOUT_TOPICS_MIN_INSYNC_REPLICAS is 2"):
        await topic_admin.apply(KafkaSettings(), TopicSettings(min_insync_replicas=2), RetrySettings())
