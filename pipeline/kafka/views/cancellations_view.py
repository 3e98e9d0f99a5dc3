"""Follows `sms.cancel.requested`, all of it: whoever has a message must know, and the wish may lie anywhere."""

import time
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.kafka.views.topic_view import TopicView
from pipeline.scheduling.cancellations import Cancellations, Wished
from pipeline.settings import KafkaSettings
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.timing import MAX_VALIDITY_SECONDS
from schemas.record import InRecord
from schemas.topics import CANCEL_REQUESTED

MARGIN_SECONDS: Final = 3600.0  # clocks differ
LOOK_MS: Final = 500


class CancellationsView(TopicView):
    """Keeps `cancellations` equal to what the topic says of as long as a message may live.

    `time_to_live_seconds` is that of a message that does not say.
    """

    def __init__(self, kafka: KafkaSettings, *, client_id: str, time_to_live_seconds: float) -> None:
        super().__init__(
            TopicFollower(kafka, CANCEL_REQUESTED, client_id=client_id, grows=True, fetch_max_wait_ms=LOOK_MS)
        )
        self.cancellations = Cancellations()
        self._kept_seconds = max(time_to_live_seconds, MAX_VALIDITY_SECONDS) + MARGIN_SECONDS

    async def _begin(self) -> None:
        await self._follower.look_back(seconds=self._kept_seconds)

    def apply(self, records: Sequence[InRecord]) -> None:
        """Take in records, and drop what is over."""
        wishes = []
        for record in records:
            try:
                wish = CancelRequest.from_bytes(record.value or b"")
            except ValidationError:
                continue  # the scheduler makes a dead letter of it
            wishes.append(Wished(wish.trunk_id, wish.id, wish.bulk is True, record.timestamp_ms))
        if wishes:
            self.cancellations.add(wishes)
        self.cancellations.purge(int((time.time() - self._kept_seconds) * 1000))

    async def stop(self) -> None:
        """Disconnect."""
        await super().stop()
        self.cancellations.close()
