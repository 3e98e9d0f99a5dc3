"""Reads the topic of screenings for who takes over a partition of submissions: not at any other time.

Needed are what may come again, which is since the first submission that has come, and what windows still reach back to.
"""

from collections.abc import Callable, Sequence
from typing import Final, Self

import structlog
from pydantic import ValidationError

from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.limits.screens import Screens
from schemas.record import InRecord
from schemas.state.screening import Screening

LOOK_BACK_RECORDS: Final = 50_000
"""Of a partition, for windows: about two seconds of reading. Under load each tells of many messages."""
MARGIN_MS: Final = 60_000
"""By so much brokers' clocks may differ: what was decided about a submission is not older than that."""

log = structlog.get_logger(__name__)


class ScreensView:
    """Keeps `screens`, with a follower of their topic.

    `assignments` gives a number that grows whenever partitions of submissions may have changed hands, `reach_ms` how
    far back the longest window goes. The broker may be silent for `limit_seconds`.
    """

    def __init__(
        self,
        follower: TopicFollower,
        *,
        assignments: Callable[[], int],
        reach_ms: Callable[[], int],
        limit_seconds: float,
    ) -> None:
        self.screens = Screens()
        self._follower = follower
        self._assignments = assignments
        self._reach_ms = reach_ms
        self._limit_seconds = limit_seconds
        self._read_to: dict[int, int] = {}
        self._taken_over: dict[int, int] = {}
        self._at: dict[int, tuple[int, int]] = {}

    async def start(self) -> Self:
        """Connect. Raises `BrokerUnreachable`, also when the topic does not exist."""
        try:
            await self._follower.start()
            self._follower.begin_at(await self._follower.begins())
            self._follower.pause()
        except BaseException:
            await self.stop()
            raise
        return self

    async def stop(self) -> None:
        """Disconnect."""
        await self._follower.stop()

    def is_behind(self, partition: int, offset: int, message: int) -> bool:
        """Tell whether a partition is to be taken over before these messages are screened.

        Else it is noted that they are: whatever comes from before them is a repetition.
        """
        before, here = self._at.get(partition), (offset, message)
        if before is None or here <= before or self._taken_over[partition] != self._assignments():
            return True
        self._at[partition] = here
        return False

    async def take_over(self, first: InRecord, message: int = 0) -> None:
        """See that all is known that was decided in a partition up to now. Raises `BrokerUnreachable`.

        `first` is the first submission that may come again; what was decided here must have been written.
        """
        partition, assignments = first.partition, self._assignments()
        place, end = await self._follower.end_of(partition)
        self.screens.take_over(partition)
        if end:
            again = (await self._follower.since(first.timestamp_ms - MARGIN_MS))[place]
            lately = (await self._follower.since(first.timestamp_ms - self._reach_ms()))[place]
            known = self._read_to.get(partition, 0)
            self._follower.seek(place, min(again, max(lately, end - LOOK_BACK_RECORDS, known)))
            self._follower.resume(place)
            try:
                async for records in self._follower.read_to({place: end}, limit_seconds=self._limit_seconds):
                    self._learn(records, first.offset)
            finally:
                self._follower.pause(place)
        self._read_to[partition] = end
        self._taken_over[partition] = assignments
        self._at[partition] = first.offset, message

    def _learn(self, records: Sequence[InRecord], first_offset: int) -> None:
        for record in records:
            screening = screening_of(record)
            if screening is not None:
                self.screens.learn(record.partition, screening, first_offset)


def screening_of(record: InRecord) -> Screening | None:
    """Read a record of the topic; None for one that says nothing, or cannot be read, which is logged."""
    if record.value is None:
        return None
    try:
        return Screening.from_bytes(record.value)
    except ValidationError as error:
        log.error(
            "screening_unreadable", partition=record.partition, offset=record.offset, problems=error.error_count()
        )  # fmt: skip
        return None
