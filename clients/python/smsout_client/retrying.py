"""When a request is sent again: after no answer, 408, 429 and every 5xx, since each send has its key.

The delay doubles, with chance in it so that many clients do not come back at once, and is never shorter than what
`Retry-After` asks.
"""

import random
from dataclasses import dataclass
from typing import Final

_AGAIN: Final = frozenset({408, 429})


@dataclass(frozen=True, slots=True)
class Retrying:
    """How often, and for how long, a request is tried; times in seconds."""

    attempts: int = 6
    first_delay: float = 0.5
    longest_delay: float = 20.0
    give_up_after: float = 60.0

    def delay(self, attempt: int, elapsed: float, retry_after: float | None) -> float | None:
        """Return how long to wait after attempt number `attempt` (from 1); None when it is given up."""
        if attempt >= self.attempts:
            return None
        most = min(self.longest_delay, self.first_delay * 2 ** (attempt - 1))
        delay = max(random.uniform(most / 2, most), retry_after or 0.0)  # noqa: S311  # spreads, hides nothing
        return delay if elapsed + delay <= self.give_up_after else None


def is_worth_another_try(status: int) -> bool:
    """Tell whether the same request may be answered otherwise."""
    return status in _AGAIN or 500 <= status != 501


def seconds_of(retry_after: str | None) -> float | None:
    """Return what a `Retry-After` of seconds asks (RFC 9110 section 10.2.3); None for anything else."""
    return float(retry_after) if retry_after is not None and retry_after.isascii() and retry_after.isdigit() else None
