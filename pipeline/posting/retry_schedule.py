"""Which delay tier a record waits in after an attempt that failed.

What was tried and refused waits for a clock, in one topic per delay. All records of a topic wait equally long, so the
order in which they were written is the order in which they are due, and only the first of each partition has to be
looked at. That is also why no jitter is added: it would have to keep the order, and what waits is spread already by the
times at which it was written.
"""

from typing import NamedTuple

from schemas.topics import tier_topic


class RetrySchedule(NamedTuple):
    """The delays of one family of tiers, one for each failed attempt, in order."""

    family: str
    delays_seconds: tuple[int, ...]

    def topic(self, seconds: int) -> str:
        """Return the topic of the tier with this delay."""
        return tier_topic(self.family, seconds)

    def after(self, attempt: int) -> int | None:
        """Return the delay after the failure of `attempt` (the first is 1), None beyond the end of the schedule."""
        return self.delays_seconds[attempt - 1] if attempt <= len(self.delays_seconds) else None

    def lasting(self, seconds: float) -> int:
        """Return the shortest delay that is not shorter than `seconds`, the longest when all are."""
        return min((it for it in self.delays_seconds if it >= seconds), default=max(self.delays_seconds))

    @property
    def total_seconds(self) -> int:
        """How long the whole schedule takes."""
        return sum(self.delays_seconds)
