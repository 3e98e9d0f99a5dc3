"""How much of the day is used up: of each trunk, by the partition that its submissions lie in, and of their accounts.

Who works on a partition of `sms.mt.submitted` counts its trunks there, and knows from the topic of counts what others
have counted elsewhere. A trunk's submissions are all in one partition, unless a producer has put some elsewhere: what
is used up is the sum.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from schemas.state.day_count import KEPT_DAYS, Closure, DayCount, DayLimit, DayUsed, Place

NOTHING: Final = Decimal(0)
SUMMED_DAYS: Final = KEPT_DAYS + 1

Key = tuple[int, str]
"""A partition, and a trunk."""


class Position(NamedTuple):
    """A message: the offset of its record, which message of the record it is, and the broker's time for the record."""

    offset: int
    message: int
    at_ms: int

    def to_place(self) -> Place:
        """Return it as it stands in a record."""
        return Place(offset=self.offset, message=self.message)

    def is_up_to(self, other: "Position") -> bool:
        """Tell whether it is `other`, or before it.

        A lower offset with a later time is another topic of the same name, which counts from 0 again.
        """
        return self[:2] <= other[:2] and self.at_ms <= other.at_ms


@dataclass(slots=True)
class Used:
    """What was routed on a day."""

    segments: int = 0
    spend: dict[str, Decimal] = field(default_factory=dict)

    def add(self, segments: int, spend: dict[str, Decimal], sign: int = 1) -> None:
        """Add so much, or take it off."""
        self.segments += sign * segments
        for currency, price in spend.items():
            self.spend[currency] = self.spend.get(currency, NOTHING) + sign * price


@dataclass(slots=True)
class Count:
    """A `DayCount` that is being counted on. `used` has the newest day first; closures are replaced, never changed."""

    trunk_id: str
    account_id: str
    to: Position
    used: dict[date, Used]
    closures: tuple[Closure, ...] = ()

    @classmethod
    def of(cls, record: DayCount) -> "Count":
        """Return what a record says."""
        to = Position(record.counted_to.offset, record.counted_to.message, record.at_ms)
        used = {it.day: Used(it.segments, dict(it.spend or {})) for it in record.used}
        return cls(record.trunk_id, record.account_id, to, used, record.closures or ())

    def copy(self) -> "Count":
        """Return another one of the same."""
        used = {day: Used(it.segments, dict(it.spend)) for day, it in self.used.items()}
        return Count(self.trunk_id, self.account_id, self.to, used, self.closures)

    def to_record(self) -> DayCount:
        """Return it as a record."""
        return DayCount(
            trunk_id=self.trunk_id,
            account_id=self.account_id,
            counted_to=self.to.to_place(),
            at_ms=self.to.at_ms,
            used=tuple(DayUsed(day=day, segments=it.segments, spend=it.spend or None) for day, it in self.used.items()),
            closures=self.closures or None,
        )

    @property
    def day(self) -> date:
        """The day that is counted."""
        return next(iter(self.used))

    def covers(self, position: Position) -> bool:
        """Tell whether a message has been counted, or refused."""
        return position.is_up_to(self.to)


class DayCounts:
    """All counts, and their sums. What is counted here can be taken back until it is written."""

    def __init__(self) -> None:
        self._counts: dict[Key, Count] = {}
        self._partitions: set[int] = set()
        self._sums: dict[str, dict[date, Used]] = {}
        self._before: list[tuple[Key, Count | None]] = []
        self._touched: set[Key] = set()
        self._unwritten: dict[Key, None] = {}

    def __len__(self) -> int:
        return len(self._counts)

    # What is known

    def get(self, partition: int, trunk_id: str) -> Count | None:
        """Return a trunk's count in a partition."""
        return self._counts.get((partition, trunk_id))

    def segments(self, owner: str, day: date) -> int:
        """Return how many segments of a trunk or an account were routed on a day."""
        used = self._sums.get(owner, {}).get(day)
        return 0 if used is None else used.segments

    def spend(self, owner: str, day: date, currency: str) -> Decimal:
        """Return what they cost in a currency."""
        used = self._sums.get(owner, {}).get(day)
        return NOTHING if used is None else used.spend.get(currency, NOTHING)

    def closed_by(self, trunk_id: str, day: date) -> DayLimit | None:
        """Return the limit by which the rest of a trunk's day is refused, None where it is not."""
        for partition in self._partitions:
            count = self._counts.get((partition, trunk_id))
            if count is not None and count.day == day and count.closures and count.closures[-1].end is None:
                return count.closures[-1].limit
        return None

    def learn(self, partition: int, record: DayCount) -> None:
        """Take in what the topic says; what is older than what is known, as of an owner before this one, is not."""
        learned, known = Count.of(record), self._counts.get((partition, record.trunk_id))
        if known is None or not known.covers(learned.to):
            self._replace((partition, record.trunk_id), learned)

    # Counting

    def change(self, partition: int, trunk_id: str, account_id: str, position: Position, day: date) -> Count:
        """Return a trunk's count, which from now on is at `position` and on `day`, or a later one that it is on."""
        key = partition, trunk_id
        count = self._counts.get(key)
        if key not in self._touched:
            self._touched.add(key)
            self._before.append((key, None if count is None else count.copy()))
        if count is None:
            self._partitions.add(partition)
            count = self._counts[key] = Count(trunk_id, account_id, position, {day: Used()})
        elif day > count.day:
            kept = self._counts[key] = count.copy()
            kept.used = {day: Used(), count.day: count.used[count.day]}
            self._sum_up(count, -1)
            self._sum_up(kept, 1)
            count = kept
        count.to = position
        self._unwritten[key] = None
        return count

    def add(self, count: Count, segments: int, spend: dict[str, Decimal]) -> None:
        """Count a message on the count's day."""
        count.used[count.day].add(segments, spend)
        for owner in (count.trunk_id, count.account_id):
            if (total := self._sum_of(owner, count.day)) is not None:
                total.add(segments, spend)

    def mark(self) -> int:
        """Return a mark to go back to."""
        self._touched.clear()
        return len(self._before)

    def undo(self, mark: int) -> None:
        """Take back what was counted since then."""
        while len(self._before) > mark:
            self._replace(*self._before.pop())
        self._touched.clear()

    def take_unwritten(self) -> Iterator[tuple[int, DayCount]]:
        """Yield what is to be written, each with its partition; from then on it cannot be taken back."""
        keys, self._unwritten = self._unwritten, {}
        self._before.clear()
        self._touched.clear()
        for key in keys:
            if (count := self._counts.get(key)) is not None:  # else it was taken back, and there was none before
                yield key[0], count.to_record()

    # Sums

    def _replace(self, key: Key, count: Count | None) -> None:
        before = self._counts.pop(key, None)
        if before is not None:
            self._sum_up(before, -1)
        if count is not None:
            self._partitions.add(key[0])
            self._counts[key] = count
            self._sum_up(count, 1)

    def _sum_up(self, count: Count, sign: int) -> None:
        for owner in (count.trunk_id, count.account_id):
            for day, used in count.used.items():
                if (total := self._sum_of(owner, day)) is not None:
                    total.add(used.segments, used.spend, sign)

    def _sum_of(self, owner: str, day: date) -> Used | None:
        """Return the sum of a day, None for one so long ago that nobody asks."""
        days = self._sums.setdefault(owner, {})
        total = days.get(day)
        if total is None and (len(days) < SUMMED_DAYS or day > min(days)):
            total = days[day] = Used()
            if len(days) > SUMMED_DAYS:
                del days[min(days)]
        return total
