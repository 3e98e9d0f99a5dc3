"""When to try again after a failed attempt: one delay tier for each, in order, then no more.

Waiting notifications lie in one topic per delay. All records of a topic wait equally long, so the order in which they
were written is the order in which they are due, and only the first of each partition has to be looked at. That is
also why no jitter is added: it would have to keep the order, and notifications of one endpoint are spread already by
the times at which their messages ended.

Two things bend the schedule from outside, and both end in the choice made here: an endpoint that asks for a pause
(`Retry-After`) and one that is known to be down; each picks a later tier than the one that is next.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.topics import CALLBACK_RETRY, tier_topic


class NextAttempt(NamedTuple):
    """Where the notification waits, which attempt comes then, and when."""

    topic: str
    attempt: int
    due_at: datetime


def after_failure(
    attempt: int, now: datetime, delays_seconds: tuple[int, ...], family: str = CALLBACK_RETRY
) -> NextAttempt | None:
    """Return what follows when `attempt` (the first is 1) has failed, None when it was the last.

    An attempt beyond a schedule that has since been shortened was the last, too.
    """
    if attempt > len(delays_seconds):
        return None
    seconds = delays_seconds[attempt - 1]
    return NextAttempt(tier_topic(family, seconds), attempt + 1, now + timedelta(seconds=seconds))


def wait_seconds(due_at: datetime, now: datetime, delay_seconds: int) -> float:
    """Return how long a record of the tier with `delay_seconds` must still wait, between 0 and that delay.

    The bounds keep a wall clock that was stepped back, or a record with a made-up time, from stopping a tier: nothing
    waits longer than its tier's delay, counted from when it was first looked at.
    """
    return min(max((due_at - now).total_seconds(), 0.0), float(delay_seconds))
