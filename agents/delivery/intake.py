"""What is read waits here for its carrier, and what its carrier cannot take soon is moved on to a retry tier.

Each carrier has lanes of its own, first and later attempts apart. As long as a carrier answers, as much waits for it
as it takes in a few seconds; while it does not, nothing does. So one carrier's messages hold up no other's, neither in
memory nor by the offsets that cannot be committed before them.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter
from typing import Final

from agents.delivery.deliver import Delivery
from agents.delivery.gate import Gate
from agents.delivery.read import Reading, read
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.work import Work
from pipeline.posting.breaker import BreakerState
from pipeline.posting.lanes import Lanes, Spawn

WAITING_AT_MOST: Final = 4000  # messages in memory, over all carriers, for first and again for later attempts
LATER_LANES: Final = 4  # one lane for later attempts for so many for first ones
SLICE_SECONDS: Final = 0.002  # work on records without letting POSTs and answers have their turn
# Moving waiting messages on is never urgent: it may have so much of a core, for each part that it leaves to the rest.
REST: Final = 9.0
FULL_PAUSE_SECONDS: Final = 0.01


class Intake:
    """Queues messages for their carriers. `lanes` is how many are posted at once to one carrier."""

    def __init__(self, delivery: Delivery, lanes: int, spawn: Spawn, stopping: asyncio.Event) -> None:
        self._delivery = delivery
        self._stopping = stopping
        self._lanes = lanes
        self._spawn = spawn
        self._queues: dict[tuple[str, bool], Lanes[Reading]] = {}
        self._slice_ends = 0.0

    async def take(self, consumer: TrackedConsumer, batch: Sequence[Work], *, later: bool) -> None:
        """Read records and queue or move on what they hold."""
        while self._waiting(later) >= WAITING_AT_MOST and not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), FULL_PAUSE_SECONDS)
        for work in batch:
            item = read(consumer, work)
            if not isinstance(item, Reading):
                await self._delivery(item)
                continue
            moved = False
            gate = self._delivery.gates.of(item.message.carrier_id)
            if item.progress.deferred:
                gate.came_back()
            queue = self._queue(item.message.carrier_id, later=later)
            if self._may_wait(gate, queue, later):
                queue.put(work.record.key or b"", item)
            else:
                await self._delivery.move_on(item)
                moved = True
            if perf_counter() >= self._slice_ends:
                await self._give_way(moved and later)

    def _waiting(self, later: bool) -> int:
        return sum(queue.waiting for (_, is_later), queue in self._queues.items() if is_later is later)

    def _queue(self, carrier_id: str, *, later: bool) -> Lanes[Reading]:
        queue = self._queues.get((carrier_id, later))
        if queue is None:
            lanes = self._lanes_for(self._delivery.gates.of(carrier_id), later=later)
            queue = self._queues[carrier_id, later] = Lanes(lanes, self._delivery, self._spawn)
        return queue

    def _lanes_for(self, gate: Gate, *, later: bool) -> int:
        """Return how many messages may be in work: as many as may be posted, fewer of later attempts."""
        lanes = min(self._lanes, gate.limit)
        return max(1, lanes // LATER_LANES) if later else lanes

    def _may_wait(self, gate: Gate, queue: Lanes[Reading], later: bool) -> bool:
        if gate.breaker.closed:
            return queue.waiting < self._room(gate)
        return gate.may_probe(later=later)

    def _room(self, gate: Gate) -> int:
        """Return how many may wait for a carrier that answers: without a neighbour nobody is in anybody's way."""
        if not self._delivery.gates.neighbours:
            return WAITING_AT_MOST * 2
        return gate.throughput.queue(min(gate.limit, self._lanes))

    async def _give_way(self, at_leisure: bool) -> None:
        """Let others have their turn: a slice is over."""
        await asyncio.sleep(SLICE_SECONDS * REST if at_leisure else 0)
        self._slice_ends = perf_counter() + SLICE_SECONDS

    async def look_after(self) -> None:
        """Follow the directory and what carriers have come to; move on what no longer may wait. Every second."""
        gates = self._delivery.gates
        gates.update()
        for carrier_id, gate in gates:
            first, later = self._queue(carrier_id, later=False), self._queue(carrier_id, later=True)
            if gates.is_gone(carrier_id) and first.at_rest and later.at_rest:
                self._forget(carrier_id)
                continue
            first.allow(self._lanes_for(gate, later=False))
            later.allow(self._lanes_for(gate, later=True))
            gate.throughput.measure(busy=first.waiting + later.waiting >= gate.limit)
            for queue in (first, later):
                room = self._room(gate) if gate.breaker.closed else 0
                if gate.state is BreakerState.HALF_OPEN and queue is later:
                    continue  # among them is the one that finds out whether the carrier is back
                for item in queue.take_back(queue.waiting - room):
                    await self._delivery.move_on(item)
                    if perf_counter() >= self._slice_ends:
                        await self._give_way(queue is later)

    def _forget(self, carrier_id: str) -> None:
        for later in (False, True):
            self._queues.pop((carrier_id, later)).close()
        self._delivery.gates.forget(carrier_id)

    def close(self) -> None:
        """End the lanes."""
        for queue in self._queues.values():
            queue.close()
