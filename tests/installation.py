"""An installation as it is once its agents have started for the first time: topics, and a position for every group.

Tests write to topics before any agent has run. Without positions that is what lost offsets look like
(pipeline/kafka/admin/positions.py).
"""

import asyncio

from agents.commands.offsets import groups
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.admin.positions import require_positions
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings


async def install(kafka: KafkaSettings, partitions: int, retry: RetrySettings | None = None) -> None:
    """Make what is missing."""
    retry = retry or RetrySettings()
    await topic_admin.apply(kafka, TopicSettings(partitions=partitions), retry)
    await require_positions(kafka, groups(retry), worked_if=())


def install_now(kafka: KafkaSettings, partitions: int) -> None:
    """Make it from synchronous code."""
    asyncio.run(install(kafka, partitions))
