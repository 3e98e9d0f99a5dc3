"""Commits of which a part is a transaction, and what follows from one that nobody knows the end of."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from pipeline.errors import NotAcknowledged
from pipeline.kafka.consuming.commits import Commits
from pipeline.kafka.consuming.handoff import HandOff
from schemas.record import OutRecord

WITH_OUTBOX, PLAIN = TopicPartition("tier", 0), TopicPartition("tier", 1)


class Group:
    """Stands for aiokafka's consumer and for the transactions: what is committed, and how the next transaction ends."""

    def __init__(self) -> None:
        self.committed: dict[TopicPartition, int] = {}
        self.written: list[OutRecord] = []
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def commit(
        self, what: Any, offset: OffsetAndMetadata | None = None, records: Sequence[OutRecord] = ()
    ) -> None:
        if offset is not None:  # a transaction
            await self.answer
            self.written += records
        offsets: Mapping[TopicPartition, OffsetAndMetadata] = what if offset is None else {what: offset}
        self.committed |= {place: it.offset for place, it in offsets.items()}


async def working(group: Group) -> Commits:
    """Return commits that have something to hand on in one partition, and nothing in the other."""
    commits = Commits(cast("AIOKafkaConsumer", group), session_timeout_seconds=10, hand_off=cast("HandOff", group))
    commits.begin({it: OffsetAndMetadata(0, "") for it in (WITH_OUTBOX, PLAIN)}, None, monotonic())
    for place, outbox in ((WITH_OUTBOX, [OutRecord("next", b"k", b"v")]), (PLAIN, [])):
        assignment = commits.assignments[place]
        assignment.hand_out(0)
        assert assignment.begin()
        assignment.finish(0, outbox)
    return commits


async def test_what_is_handed_on_goes_with_its_commit() -> None:
    """Both partitions are committed, and what follows is written."""
    group = Group()
    commits = await working(group)
    group.answer.set_result(None)
    await commits.commit()
    assert (group.committed, len(group.written)) == ({WITH_OUTBOX: 1, PLAIN: 1}, 1)


@pytest.mark.parametrize(
    "end",
    [
        lambda group, _: group.answer.set_exception(NotAcknowledged("fenced", stage="hand-off")),
        lambda _, it: it.cancel(),
    ],
    ids=["fenced", "cancelled"],
)
async def test_after_a_transaction_in_doubt_nobody_commits_beyond_it(
    end: Callable[[Group, asyncio.Task[None]], object],
) -> None:
    """Neither who waits to commit, nor who asks for membership, nor a rebalance: what it was to write is not there."""
    group = Group()
    commits = await working(group)
    committing = asyncio.create_task(commits.commit())
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(it) for it in (commits.commit(), commits.confirm_anew())]
    await asyncio.sleep(0)
    end(group, committing)
    with pytest.raises((NotAcknowledged, asyncio.CancelledError)):
        await committing
    assert await asyncio.gather(*waiting) == [None, False]
    await commits.commit(renew=True)
    assert (group.committed, group.written) == ({}, [])
    assert all(it.lost for it in commits.assignments.values())
