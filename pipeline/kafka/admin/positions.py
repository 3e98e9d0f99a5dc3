"""Where a group goes on: where it was; in a new installation at the beginning; and where a loss leaves it, nowhere.

Offsets get lost: a group that nobody runs forgets them after `offsets.retention.minutes`, and `__consumer_offsets` can
be lost or left out of a backup. A consumer that then begins anew posts everything again that the topics still hold. So
a new group's positions are committed before it does anything, and a group without any is new only where nothing shows
that it has worked before.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.errors import BrokerUnreachable, ConfigurationError
from pipeline.kafka.admin.committed import has_committed
from pipeline.kafka.admin.group_members import members_of
from pipeline.kafka.admin.group_offsets import PartitionOffsets, group_offsets
from pipeline.kafka.client import connection, reading, start, stop
from pipeline.settings import KafkaSettings

CLIENT: Final = "smsout-positions"


async def require_positions(
    kafka: KafkaSettings, groups: Mapping[str, Sequence[str]], *, worked_if: Sequence[str]
) -> None:
    """See that `groups`, with the topics that each consumes, have positions: a new one gets its first ones.

    `worked_if` are topics that only whoever is in these groups writes to: one that ever held a record shows that there
    were positions. Raises `ConfigurationError`, which says what to do, when they have been lost, and
    `BrokerUnreachable`.
    """
    await asyncio.gather(*(_require(kafka, group, topics, worked_if) for group, topics in groups.items()))


async def _require(kafka: KafkaSettings, group: str, topics: Sequence[str], worked_if: Sequence[str]) -> None:
    found = await group_offsets(kafka, group, [*topics, *worked_if], client_id=CLIENT)
    ours = {place: it for place, it in found.items() if place.topic in topics}
    # A retry schedule may have been exchanged for another: then it is other topics that the group was in.
    if any(it.committed is not None for it in ours.values()) or await has_committed(kafka, group):
        return
    evidence = sorted({place.topic for place, it in found.items() if place.topic in worked_if and it.end > 0})
    if evidence:
        raise ConfigurationError(
            f"the offsets of the group {group} are lost: it has committed none, though {', '.join(evidence)} shows "
            "that it has worked. To begin anew would post again what has been posted. Say where it goes on: "
            f"`smsout offsets list {group}` shows what there is, `smsout offsets set {group} --to end|beginning|<time>`"
            " sets it"
        )
    await commit_positions(kafka, group, {place: it.begin for place, it in ours.items()}, first=True)


async def commit_positions(
    kafka: KafkaSettings, group: str, positions: Mapping[TopicPartition, int], *, first: bool = False
) -> None:
    """Commit where `group` goes on. Raises `ConfigurationError` when somebody is in it, and `BrokerUnreachable`.

    With `first` whoever is in it has begun a moment ago, and has committed the same.
    """
    if not positions:
        return
    members = (await members_of(kafka, [group], client_id=CLIENT))[group]
    if members:
        if first:
            return
        raise ConfigurationError(
            f"{group} has {members} members: stop them first, and wait until their sessions have ended "
            "(SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS)"
        )
    consumer = AIOKafkaConsumer(
        **connection(kafka), client_id=CLIENT, group_id=group, enable_auto_commit=False, retry_backoff_ms=50
    )
    try:
        await start(consumer, kafka)
        consumer.assign(list(positions))
        await consumer.commit(dict(positions))
    except KafkaError as error:
        if first and not error.retriable:  # somebody has joined just now
            return
        raise BrokerUnreachable(f"the broker does not take the positions of {group}: {error!r}") from error
    finally:
        await stop(consumer)


async def positions_at(
    kafka: KafkaSettings, offsets: Mapping[TopicPartition, PartitionOffsets], at: datetime
) -> dict[TopicPartition, int]:
    """Return the position in each partition of the first record that was written at or after `at`; its end without one.

    Raises `BrokerUnreachable`.
    """
    consumer = AIOKafkaConsumer(**reading(kafka), client_id=CLIENT)
    try:
        await start(consumer, kafka)
        consumer.assign(list(offsets))
        milliseconds = int(at.astimezone(UTC).timestamp() * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(offsets, milliseconds))
    except KafkaError as error:
        raise BrokerUnreachable(f"the broker does not say what lies at {at.isoformat()}: {error!r}") from error
    finally:
        await stop(consumer)
    return {place: it.end if found.get(place) is None else found[place].offset for place, it in offsets.items()}
