"""Which processes of ingress there are: this one says that it lives, and hears of the others."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol, Self

import structlog
from pydantic import ValidationError

from pipeline.errors import BrokerError
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.kafka.views.topic_view import TopicView
from pipeline.limits.living import GONE_SECONDS, SAY_SECONDS, Living
from pipeline.settings import KafkaSettings
from schemas.record import InRecord, OutRecord
from schemas.state.announced import Announcement
from schemas.topics import INGRESS_ANNOUNCED

LOOK_BACK_SECONDS: Final = GONE_SECONDS + 3.0  # for clocks that differ a little

log = structlog.get_logger(__name__)


class Producer(Protocol):
    """What is used of `RecordProducer`."""

    async def write(self, records: list[OutRecord]) -> object:
        """Write `records`, and wait until the broker has them."""


class LivingView(TopicView):
    """Keeps `living` equal to the topic, and this process in it."""

    def __init__(self, kafka: KafkaSettings, producer: Producer, identity: str, *, client_id: str) -> None:
        super().__init__(TopicFollower(kafka, INGRESS_ANNOUNCED, client_id=client_id, fetch_max_wait_ms=500))
        self.living = Living(identity)
        self._producer = producer
        self._identity = identity
        self._is_known = False

    async def _begin(self) -> None:
        await self._follower.look_back(seconds=LOOK_BACK_SECONDS)

    async def start(self) -> Self:
        """Connect, hear of the others, and let them hear of this one. Raises `BrokerUnreachable`."""
        await super().start()
        try:
            await self.say()
        except BaseException:
            await self.stop()
            raise
        return self

    async def announce(self) -> None:
        """Say that this process lives, until cancelled."""
        while True:
            await asyncio.sleep(SAY_SECONDS)
            await self.say()

    async def say(self) -> None:
        """Say once that this process lives."""
        await self._write(Announcement(identity=self._identity, at=datetime.now(UTC)).to_bytes())

    async def leave(self) -> None:
        """Say that it takes no more requests: the others have its part from now on, and not when its silence ends."""
        if self._is_known:
            with suppress(BrokerError):
                await self._write(None)

    async def _write(self, value: bytes | None) -> None:
        await self._producer.write([OutRecord(INGRESS_ANNOUNCED, self._identity.encode(), value, partition=0)])
        self._is_known = True

    def apply(self, records: Sequence[InRecord]) -> None:
        """Take in what the topic says."""
        for record in records:
            if record.value is None:
                self.living.left((record.key or b"").decode(errors="replace"))
                continue
            try:
                self.living.heard(Announcement.from_bytes(record.value).identity)
            except ValidationError as error:
                log.error("announcement_unreadable", offset=record.offset, problems=error.error_count())
