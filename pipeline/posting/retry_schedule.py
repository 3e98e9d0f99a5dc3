"""When to try again after a failed attempt: one delay tier for each, in order, then no more.

Waiting notifications lie in one topic per delay. All records of a topic wait equally long, so the order in which they
were written is the order in which they are due, and only the first of each partition has to be looked at. That is
also why no jitter is added: it would have to keep the order, and notifications of one endpoint are spread already by
the times at which their messages ended.

Two things bend the schedule from outside, and both end in a choice made here: an endpoint that asks for a pause
(`Retry-After`) makes the failed one wait longer, and one that takes nothing now has its notifications moved on
without an attempt.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from schemas.topics import CALLBACK_RETRY, tier_topic

LONGEST_DEFERRAL_SECONDS: Final = 1800  # what was not even tried is looked at again soon, however late its attempt


class NextAttempt(NamedTuple):
    """Where the notification waits, which attempt comes then, and when."""

    topic: str
    attempt: int
    due_at: datetime


def after_failure(
    attempt: int, now: datetime, delays_seconds: tuple[int, ...], at_least_seconds: float = 0.0
) -> NextAttempt | None:
    """Return what follows when `attempt` (the first is 1) has failed, None when it was the last.

    It waits in the tier whose turn it is, or in the shortest longer one that lasts for `at_least_seconds`; in the
    longest when none does. An attempt beyond a schedule that has since been shortened was the last, too.
    """
    if attempt > len(delays_seconds):
        return None
    seconds = delays_seconds[attempt - 1]
    if at_least_seconds > seconds:
        seconds = max(seconds, _shortest(delays_seconds, at_least_seconds))
    return _next(seconds, attempt + 1, now)


def after_deferral(
    attempt: int,
    deferred: int,
    now: datetime,
    delays_seconds: tuple[int, ...],
    at_least_seconds: float,
    *,
    soon: bool = False,
) -> NextAttempt | None:
    """Return where a notification waits whose `attempt` was not made, `deferred` times in a row before.

    Each deferral takes it a tier further, from that of its attempt up to half an hour, and to one that lasts for
    `at_least_seconds` if there is any up to then. With `soon` only the latter counts. None where nothing is ever
    tried again.
    """
    if not delays_seconds:
        return None
    tiers = sorted(it for it in delays_seconds if it <= LONGEST_DEFERRAL_SECONDS) or [min(delays_seconds)]
    seconds = _shortest(tiers, at_least_seconds)
    if not soon:
        seconds = max(seconds, tiers[min(attempt - 1 + deferred, len(tiers) - 1)])
    return _next(seconds, attempt, now)


def outlived(first_attempt_at: datetime, now: datetime, delays_seconds: tuple[int, ...]) -> bool:
    """Tell whether a notification is older than the whole schedule: what waits without attempts ends, too."""
    return (now - first_attempt_at).total_seconds() > sum(delays_seconds)


def _shortest(tiers: Sequence[int], at_least_seconds: float) -> int:
    return min((it for it in tiers if it >= at_least_seconds), default=max(tiers))


def _next(seconds: int, attempt: int, now: datetime) -> NextAttempt:
    return NextAttempt(tier_topic(CALLBACK_RETRY, seconds), attempt, now + timedelta(seconds=seconds))


def wait_seconds(due_at: datetime, now: datetime, delay_seconds: int) -> float:
    """Return how long a record of the tier with `delay_seconds` must still wait, between 0 and that delay.

    The bounds keep a wall clock that was stepped back, or a record with a made-up time, from stopping a tier: nothing
    waits longer than its tier's delay, counted from when it was first looked at.
    """
    return min(max((due_at - now).total_seconds(), 0.0), float(delay_seconds))
