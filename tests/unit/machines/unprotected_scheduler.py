"""Protections of the scheduler, each taken away: what the histories must then find."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.scheduler.known import Known
from pipeline.scheduling.deferred_store import DeferredStore, Held
from schemas.headers.causation import Causation
from schemas.record import OutRecord
from schemas.topics import DEFERRED
from tests.fakes.kafka_edges import HandOffEdge


def what_leaves_is_not_marked_in_the_same_transaction(patch: pytest.MonkeyPatch) -> None:
    async def apart(edge: HandOffEdge, _partition: int, records: Sequence[OutRecord]) -> None:
        edge.check()
        await edge.life.write([it for it in records if it.topic != DEFERRED])
        for _ in range(8):  # whoever does two things one after the other may be interrupted for any time
            await edge.life.breathe()
        await edge.life.write([it for it in records if it.topic == DEFERRED])

    patch.setattr(HandOffEdge, "write", apart)


def what_comes_is_not_written_with_its_commit(patch: pytest.MonkeyPatch) -> None:
    async def apart(edge: HandOffEdge, place: TopicPartition, offset: OffsetAndMetadata, records: Any) -> None:
        await edge.life.write(records)
        for _ in range(8):
            await edge.life.breathe()
        edge.life.broker.committed[place.topic] = offset

    patch.setattr(HandOffEdge, "commit", apart)


def repetitions_are_taken_in(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Causation, "repeats", lambda *_: False)


def the_file_is_believed_whatever_the_topic_says(patch: pytest.MonkeyPatch) -> None:
    async def assigned(known: Known, committed: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        async with known._reading, known.settling:
            known._partitions = {place.partition for place in committed}
            known._follower.turn_to(known._partitions)
            positions = known.store.positions
            known._follower.begin_at({it: positions.get(it.partition, 0) for it in known._follower.places})

    patch.setattr(Known, "assigned", assigned)


def the_store_forgets_before_the_topic_knows(patch: pytest.MonkeyPatch) -> None:
    due = DeferredStore.due

    def gone_at_once(store: DeferredStore, now_ms: int, count: int) -> list[Held]:
        found = due(store, now_ms, count)
        store.left(_unseen(found))
        return found

    patch.setattr(DeferredStore, "due", gone_at_once)


def _unseen(found: Iterable[Held]) -> list[Held]:
    return list(found)
