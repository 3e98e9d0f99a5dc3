"""What delivery and callback have in common while they run."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.posting_agent import PostingAgent
from agents.runtime import Agent
from agents.workers import Workers
from pipeline.kafka.consuming import parking
from pipeline.kafka.consuming.parking import STANDS_SECONDS, Parking
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.posting.backlog import Backlog
from pipeline.posting.row import FlowKey, Row
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot
from tests.builders import in_record
from tests.fakes.virtual_time import VirtualLoop

MAIN, TIER = TopicPartition("main", 0), TopicPartition("tier", 0)
PARKED = "parked"


class Nothing:
    """Takes part, and does nothing."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def idle(*_: object) -> None:
            if name.startswith(("run", "follow")):
                await asyncio.Event().wait()

        return idle


class Dispatcher:
    def cancel(self) -> None:
        pass

    def close(self) -> None:
        pass


class Consumer(Nothing):
    """A consumer of one partition, of which one record was handed out and waits on disk."""

    joined = True

    def __init__(self, place: TopicPartition, backlog: Backlog, seq: int) -> None:
        self.assignment = Assignment(OffsetAndMetadata(7, ""))
        self.assignment.hand_out(7)
        self.assignments: Mapping[TopicPartition, Assignment] = {place: self.assignment}
        backlog.add([Row(seq, FlowKey("peer", "flow", "account"), 0, in_record(place.topic, b"{}", 7))])

    async def batches(self, stopping: asyncio.Event) -> AsyncIterator[list[Any]]:
        await stopping.wait()
        return
        yield []

    @property
    def parks(self) -> list[str]:
        """Where what waits goes with the next commit."""
        return [it.topic for it in self.assignment.take_outbox(8)]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], tuple[list[str], list[str]]]:
    """Runs an agent for some seconds, and tells what each of its consumers has parked by then."""
    monkeypatch.setattr(parking, "TopicFollower", lambda *_, **__: Nothing())

    async def run(seconds: float) -> tuple[list[str], list[str]]:
        backlog = Backlog()
        first, later = Consumer(MAIN, backlog, 1), Consumer(TIER, backlog, 2)
        kept: Any = Parking(
            KafkaSettings(), PARKED, backlog, client_id="test", producer=Nothing(), transactions=Nothing(),
            add_rows=lambda _: None, lane_of=lambda _: 0,
        )  # fmt: skip
        agent = Agent("test", AgentSettings(), Slot(0, "identity"))
        nothing: Any = Nothing()
        dispatcher: Any = Dispatcher()
        one: Any = first
        two: Any = later
        posting: PostingAgent[object] = PostingAgent(
            Workers(), dispatcher, nothing, kept, one, two, nothing.take, lambda: None, []
        )
        serving = asyncio.create_task(posting.serve(agent))
        await asyncio.sleep(seconds)
        parks = first.parks, later.parks
        agent.stopping.set()
        await serving
        backlog.close()
        return parks

    def run_it(seconds: float) -> tuple[list[str], list[str]]:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(run(seconds))

    return run_it


def test_what_waits_is_parked_by_time_for_both_consumers(
    running: Callable[[float], tuple[list[str], list[str]]],
) -> None:
    """Each position stands for its own time: neither consumer's look may make the other's begin anew."""
    assert running(STANDS_SECONDS - 1) == ([], [])
    assert running(STANDS_SECONDS + 1) == ([PARKED], [PARKED])
