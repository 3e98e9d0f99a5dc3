"""Requests per second of trunks and accounts, over all processes of ingress together.

A token bucket for each limit, with the part of it that one of so many living processes has. A second's worth may come
at once. A bucket fills from the moment at which its process began, whether it is there yet or not: what is full is
forgotten, so that only limits that are being used take memory, and a new process adds no second's worth of its own.

A request takes a whole token: where a process' part is less than one a second, it still takes one at once.
"""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from pipeline.directory.model import Directory
from pipeline.limits.living import Living
from schemas.directory.trunk import Trunk

FULL_AT: Final = 1 - 1e-9  # a token, as far as fractions add up
FORGET_BEYOND: Final = 1000
"""Buckets; when there are more, those that are full are forgotten. More than are in use stay at most as many again."""


class Standing(NamedTuple):
    """How a trunk or an account stands by one limit: after a request, or when there is no room for it.

    `whose` is `trunk` or `account`. `left` is what this process would take at once; `wait_seconds` is how long it takes
    until there is one more.
    """

    whose: str
    per_second: int
    left: int
    wait_seconds: float


class Asked(NamedTuple):
    """What came of asking for a request: how it stands by each limit, and by which it is refused."""

    standings: tuple[Standing, ...]
    refused_by: tuple[str, ...]


class _Bucket:
    """One limit in one process, with the part of it that this process has."""

    __slots__ = ("_at", "_per_second", "_share", "_tokens")

    def __init__(self, began_at: float) -> None:
        self._at = began_at
        self._tokens = self._per_second = self._share = 0.0

    def fill(self, limit: int, share: float, shared_since: float, now: float) -> None:
        """Count up to `now`: with the part that it had before until `shared_since`, with `share` from then on."""
        if share != self._share:
            if self._share:
                self._count(limit * self._share, min(max(shared_since, self._at), now))
            self._share = share
        self._count(limit * share, now)

    def _count(self, per_second: float, until: float) -> None:
        self._tokens = min(self._tokens + (until - self._at) * per_second, max(1.0, per_second))
        self._at, self._per_second = until, per_second

    @property
    def has_one(self) -> bool:
        return self._tokens >= FULL_AT

    @property
    def left(self) -> int:
        return int(self._tokens + 1e-9)

    @property
    def wait_seconds(self) -> float:
        """How long until there is one more token than now."""
        return (self.left + 1 - self._tokens) / self._per_second

    def take(self) -> None:
        self._tokens -= 1

    def is_full(self, now: float) -> bool:
        return self._tokens + (now - self._at) * self._per_second >= max(1.0, self._per_second)


class RequestRates:
    """Says of each request whether it may be let in. `clock` gives seconds that only go forward."""

    def __init__(self, directory: Directory, living: Living, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._living = living
        self._clock = clock
        self._began_at = clock()
        self._buckets: dict[str, _Bucket] = {}
        self._most = FORGET_BEYOND

    def ask(self, trunk: Trunk) -> Asked | None:
        """Count a request of a trunk, if there is room for it; None where neither it nor its account has a limit."""
        account = self._directory.account(trunk.account_id)
        of_trunk, of_account = trunk.requests_per_second, None if account is None else account.requests_per_second
        if of_trunk is None and of_account is None:
            return None
        now = self._clock()
        limits = [
            (whose, limit, self._bucket(owner, limit, now))
            for whose, owner, limit in (("trunk", trunk.id, of_trunk), ("account", trunk.account_id, of_account))
            if limit is not None
        ]
        refused_by = tuple(whose for whose, _, bucket in limits if not bucket.has_one)
        if not refused_by:
            for _, _, bucket in limits:
                bucket.take()
        standings = tuple(Standing(whose, limit, bucket.left, bucket.wait_seconds) for whose, limit, bucket in limits)
        return Asked(standings, refused_by)

    def _bucket(self, owner: str, limit: int, now: float) -> _Bucket:
        bucket = self._buckets.get(owner)
        if bucket is None:
            if len(self._buckets) >= self._most:
                self._buckets = {it: held for it, held in self._buckets.items() if not held.is_full(now)}
                self._most = max(FORGET_BEYOND, 2 * len(self._buckets))
            bucket = self._buckets[owner] = _Bucket(self._began_at)
        bucket.fill(limit, 1 / self._living.count, self._living.changed_at, now)
        return bucket

    def __len__(self) -> int:
        return len(self._buckets)
