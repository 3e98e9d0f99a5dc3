"""What is counted of messages: taken over from others, taken back, and written before what follows from it."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol

import structlog

from pipeline.directory.model import Directory
from pipeline.limits.counts import DayCounts
from pipeline.limits.screens import Screens
from pipeline.metrics import MESSAGES_STOPPED, SCREENS_FORGOTTEN
from schemas.record import InRecord, OutRecord
from schemas.state.screening import Guard
from schemas.topics import COUNTED

TELL_SECONDS: Final = 60.0
"""How often a trunk is named of which messages are stopped."""

log = structlog.get_logger(__name__)

_stopped: Final = {guard: MESSAGES_STOPPED.labels(guard.value) for guard in Guard}


class Counts(Protocol):
    """What is used of `CountsView`."""

    counts: DayCounts

    async def take_over(self, partition: int) -> None:
        """See that all is known that was counted in a partition before it came here."""


class Screenings(Protocol):
    """What is used of `ScreensView`."""

    screens: Screens

    def is_behind(self, partition: int, offset: int, message: int) -> bool:
        """Tell whether a partition is to be taken over before these messages are screened."""

    async def take_over(self, first: InRecord, message: int = 0) -> None:
        """See that all is known that was decided in a partition up to now."""


class View(Protocol):
    """What is used of `DirectoryView`."""

    directory: Directory


class Mark(NamedTuple):
    """What to go back to."""

    counts: int
    screens: int


class Counting:
    """Both counts, those of days and those by number. Where nothing is limited no message is asked about."""

    def __init__(
        self, view: View, counts: Counts, screenings: Screenings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._view = view
        self._counts = counts
        self._screenings = screenings
        self._forgotten = 0
        self._clock = clock
        self._untold: dict[str, Counter[str]] = {}
        self._told_at: dict[str, float] = {}

    @property
    def days(self) -> DayCounts | None:
        """The counts of days; None where nothing is counted, nor may have been."""
        counts = self._counts.counts
        return counts if self._view.directory.limits_days or len(counts) else None

    @property
    def screens(self) -> Screens | None:
        """What is screened by number, likewise."""
        screens = self._screenings.screens
        return screens if self._view.directory.is_guarded or len(screens) else None

    async def take_over(self, record: InRecord, first: int, write: Callable[[], Awaitable[None]]) -> None:
        """See that all is known of a partition before messages of a record are counted, from its message `first` on.

        `write` writes what is decided so far, of which some may come again. Raises `BrokerUnreachable`.
        """
        if self.days is not None:
            await self._counts.take_over(record.partition)
        # Also where nothing is guarded any more: what was stopped before must not go out when it comes again.
        if self._screenings.is_behind(record.partition, record.offset, first):
            if self._screenings.screens.has_unwritten:
                await write()
            await self._screenings.take_over(record, first)

    def mark(self) -> Mark:
        """Return a mark to go back to."""
        return Mark(self._counts.counts.mark(), self._screenings.screens.mark())

    def undo(self, mark: Mark) -> None:
        """Take back what was counted since then."""
        self._counts.counts.undo(mark.counts)
        self._screenings.screens.undo(mark.screens)

    def take_unwritten(self) -> list[OutRecord]:
        """Return what is to be written before what follows from it; from then on it cannot be taken back."""
        written = [
            OutRecord(COUNTED, count.trunk_id.encode(), count.to_bytes(), partition=partition)
            for partition, count in self._counts.counts.take_unwritten()
        ]
        screens = self._screenings.screens
        for record, stopped in screens.take_unwritten():
            written.append(record)
            if stopped:
                self._tell((record.key or b"").decode(), stopped)
        if screens.forgotten != self._forgotten:
            SCREENS_FORGOTTEN.inc(screens.forgotten - self._forgotten)
            self._forgotten = screens.forgotten
        return written

    def _tell(self, trunk_id: str, stopped: Sequence[Guard]) -> None:
        """Count what was stopped; name the trunk once in a while, as a flood is to be seen and not to flood the log."""
        for guard in stopped:
            _stopped[guard].inc()
        untold = self._untold.setdefault(trunk_id, Counter())
        untold.update(guard.value for guard in stopped)
        if (now := self._clock()) >= self._told_at.get(trunk_id, now - TELL_SECONDS) + TELL_SECONDS:
            log.warning("messages_stopped", trunk_id=trunk_id, **self._untold.pop(trunk_id))
            self._told_at[trunk_id] = now
