"""Follows the topic of counts into memory: what every trunk with a limit has used up of its day, whoever counts it.

Who counts a partition has read all that its last owner wrote there before it counts on.
"""

from collections.abc import Callable, Sequence

import structlog
from pydantic import ValidationError

from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.kafka.views.topic_view import TopicView
from pipeline.limits.counts import DayCounts
from pipeline.settings import KafkaSettings
from schemas.record import InRecord
from schemas.state.day_count import DayCount
from schemas.topics import COUNTED

log = structlog.get_logger(__name__)


class CountsView(TopicView):
    """Keeps `counts` equal to the topic.

    `assignments` gives a number that grows whenever partitions of submissions may have changed hands.
    """

    def __init__(
        self, kafka: KafkaSettings, *, client_id: str, assignments: Callable[[], int] = lambda: 0, grows: bool = False
    ) -> None:
        super().__init__(TopicFollower(kafka, COUNTED, client_id=client_id, fetch_max_wait_ms=500, grows=grows))
        self.counts = DayCounts()
        self._assignments = assignments
        self._limit_seconds = kafka.connect_timeout_seconds
        self._taken_over: dict[int, int] = {}

    async def take_over(self, partition: int) -> None:
        """See that all is known that was counted in a partition before it came here. Raises `BrokerUnreachable`.

        Waits for up to half a second behind a `follow` that is going on, once after each assignment.
        """
        assignments = self._assignments()
        if self._taken_over.get(partition) == assignments:
            return
        place, end = await self._follower.end_of(partition)
        async for records in self._follower.read_to({place: end}, limit_seconds=self._limit_seconds):
            self.apply(records)
        self._taken_over[partition] = assignments

    def apply(self, records: Sequence[InRecord]) -> None:
        """Take in records. One that cannot be read leaves what is known as it is."""
        for record in records:
            if record.value is not None:
                try:
                    self.counts.learn(record.partition, DayCount.from_bytes(record.value))
                except ValidationError as error:
                    log.error(
                        "count_unreadable", partition=record.partition, offset=record.offset,
                        problems=error.error_count(),
                    )  # fmt: skip
