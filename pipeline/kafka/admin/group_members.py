"""How many members consumer groups have, as the broker says."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.client import connection, start
from pipeline.settings import KafkaSettings


async def members_of(kafka: KafkaSettings, groups: Sequence[str], *, client_id: str) -> dict[str, int]:
    """Return for each group how many members it has; 0 for one that does not exist. Raises `BrokerUnreachable`."""
    admin = AIOKafkaAdminClient(**connection(kafka), client_id=client_id, request_timeout_ms=10_000)
    try:
        await start(admin, kafka)
        deadline = asyncio.get_running_loop().time() + kafka.connect_timeout_seconds
        while True:
            try:
                # One by one: aiokafka 0.14 reads the answer about several groups as one of an older version.
                answers: list[Any] = [it for name in groups for it in await admin.describe_consumer_groups([name])]
                break
            except KafkaError as error:  # a broker that has just started may have no coordinator yet
                if not error.retriable or asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.1)
    except KafkaError as error:
        raise BrokerUnreachable(f"the broker does not say who consumes: {error!r}") from error
    finally:
        await admin.close()
    found = {it["group"]: len(it["members"]) for answer in answers for it in answer.to_object()["groups"]}
    return {group: found.get(group, 0) for group in groups}
