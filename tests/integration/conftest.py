"""The catalogue's topics on the broker that the whole session shares."""

import asyncio

import pytest

from pipeline.kafka.admin import topic_admin
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings


@pytest.fixture(scope="session")
def catalogue(kafka: str) -> KafkaSettings:
    """Settings of the shared broker, which has every topic: with 2 partitions, whichever test comes first."""
    settings = KafkaSettings(bootstrap_servers=kafka)
    asyncio.run(topic_admin.apply(settings, TopicSettings(partitions=2), RetrySettings()))
    return settings
