"""Where a follower begins, and when it has come to an end that may be out of reach."""

from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.settings import KafkaSettings
from tests.unit.pipeline.kafka.views.scripted_consumer import Answer, Fetched, ScriptedConsumer, reads_from

FIRST, SECOND = TopicPartition("topic", 0), TopicPartition("topic", 1)


def records(*offsets: int) -> list[Fetched]:
    return [Fetched(offset, None, None) for offset in offsets]


async def follower_of(consumer: ScriptedConsumer, *, partitions: int = 1, grows: bool = False) -> TopicFollower:
    follower = TopicFollower(KafkaSettings(), "topic", client_id="test", grows=grows)
    consumer.has(partitions)
    await reads_from(follower, consumer)
    return follower


async def read(
    follower: TopicFollower, ends: dict[TopicPartition, int], limit_seconds: float | None = None
) -> list[int]:
    return [it.offset async for found in follower.read_to(ends, limit_seconds=limit_seconds) for it in found]


@pytest.mark.parametrize(
    ("end", "stable", "answers", "found", "fetches"),
    [
        # A transaction's marker is at 6; compaction has left nothing at 1 to 4.
        (7, 7, [(records(0), 3), ([], 4), (records(5), 6), ([], 7)], [0, 5], 4),
        # Nothing is left at all from 1 to 9: two answers with nothing, and a last look.
        (10, 10, [(records(0), 1)], [0], 4),
        # One answer with nothing, and one that comes together with the time-out, prove nothing.
        (3, 3, [([], 0), ([], 0), (records(0), 1), ([], 1), (records(1, 2), 3)], [0, 1, 2], 5),
        # A broker that does not answer says nothing, nor does one that holds back what a transaction has written.
        (1, 1, [None, None, None, None, (records(0), 1)], [0], 5),
        (5, 1, [(records(0), 1), ([], 1), ([], 1), ([], 1), ([], 1), (records(4), 5)], [0, 4], 6),
        (0, 0, [], [], 0),
    ],
    ids=["markers", "compacted", "slow", "silent", "held back", "empty"],
)  # fmt: skip
async def test_the_position_counts(
    end: int, stable: int, answers: Sequence[Answer], found: list[int], fetches: int
) -> None:
    """Not the offset of a record: there may be none where the topic ends."""
    consumer = ScriptedConsumer(end, answers, stable)
    follower = await follower_of(consumer)
    assert await read(follower, await follower.ends()) == found
    assert consumer.fetches == fetches


async def test_each_partition_has_its_end() -> None:
    """One that is read to its end is not fetched from any more; one that must not be read on, neither."""
    consumer = ScriptedConsumer(9, [(records(0, 1), 2), (records(0, 1, 2, 3), 4)])
    follower = await follower_of(consumer, partitions=3)
    assert await read(follower, {FIRST: 2, SECOND: 3}) == [0, 1, 0, 1, 2, 3]
    assert list(consumer.positions.values()) == [2, 4, 0]


async def test_a_broker_that_holds_something_back_is_given_up_in_time() -> None:
    """Its stable offset says that there is more; without a limit it would be waited for."""
    follower = await follower_of(ScriptedConsumer(5, [(records(0), 1)], stable=1))
    with pytest.raises(BrokerUnreachable, match="has stopped giving out topic"):
        await read(follower, {FIRST: 5}, limit_seconds=0.0)


@pytest.mark.parametrize(
    ("seconds", "most", "begin"), [(None, None, 0), (None, 30, 70), (None, 300, 0), (60.0, None, 100), (60.0, 30, 100)]
)
async def test_looking_back(seconds: float | None, most: int | None, begin: int) -> None:
    """To the oldest record or by time, and never by more records than are asked for. (Here all of them are older.)"""
    consumer = ScriptedConsumer(100, [])
    follower = await follower_of(consumer, partitions=2)
    await follower.look_back(seconds=seconds, records=most)
    assert consumer.positions == {FIRST: begin, SECOND: begin}


@pytest.mark.parametrize("grows", [True, False])
async def test_a_partition_that_comes_later(grows: bool) -> None:
    """Whoever wants all of them gets it from its begin, and the others from where they were."""
    consumer = ScriptedConsumer(9, [(records(0), 1), ([], 1)])
    follower = await follower_of(consumer, grows=grows)
    await follower.take()
    consumer.has(2)
    await follower.take()
    assert consumer.positions == ({FIRST: 1, SECOND: 0} if grows else {FIRST: 1})
