"""A topic in memory: read before an agent is ready, followed from then on."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

from pipeline.kafka.views.topic_follower import TopicFollower
from schemas.record import InRecord


class TopicView(ABC):
    """Keeps something equal to what a topic says. A subclass says what a record means, and from where on they count."""

    def __init__(self, follower: TopicFollower) -> None:
        self._follower = follower

    @abstractmethod
    def apply(self, records: Sequence[InRecord]) -> None:
        """Take in records. One that cannot be read leaves what is known as it is."""

    async def _begin(self) -> None:
        """Turn to the first records that count: all that the topic has."""
        self._follower.begin_at(await self._follower.begins())

    async def start(self) -> Self:
        """Connect and read to the topic's end. Raises `BrokerUnreachable`, also when the topic does not exist."""
        try:
            await self._follower.start()
            await self._begin()
            async for records in self._follower.read_to(await self._follower.ends()):
                self.apply(records)
                await asyncio.sleep(0)  # what is fetched already comes without waiting
        except BaseException:
            await self.stop()
            raise
        return self

    async def follow(self) -> None:
        """Take in what comes, until cancelled."""
        while True:
            self.apply(await self._follower.take())
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Disconnect."""
        await self._follower.stop()
