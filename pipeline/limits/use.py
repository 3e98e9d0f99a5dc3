"""How much of a day's limits is used up, for people and for alerts."""

from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from pipeline.limits.counts import DayCounts
from schemas.directory.account import Account
from schemas.directory.trunk import Trunk
from schemas.state.day_count import DayLimit

NEARLY: Final = Decimal("0.8")
"""The part of a limit from which somebody is to look."""


class DayUse(NamedTuple):
    """How much of a limit is used up. `limit` is `segments` or `spend`; a currency belongs to the latter.

    `is_closed`: a message was refused for it, and the rest of the day is.
    """

    limit: str
    used: Decimal
    of: Decimal
    currency: str | None
    is_closed: bool

    @property
    def ratio(self) -> Decimal:
        """The part that is used up; 1 is all of it. Of nothing, which is a limit too, nothing is."""
        return self.used / self.of if self.of else Decimal(0)

    @property
    def is_near(self) -> bool:
        """Whether somebody is to look."""
        return self.is_closed or self.ratio >= NEARLY


def day_uses(counts: DayCounts, entry: Trunk | Account, today: date) -> list[DayUse]:
    """Return how an entry stands by each of its limits of a day."""
    found, whose = [], "trunk" if type(entry) is Trunk else "account"
    closed_by = counts.closed_by(entry.id, today) if whose == "trunk" else None
    if entry.segments_per_day is not None:
        used, of = Decimal(counts.segments(entry.id, today)), Decimal(entry.segments_per_day)
        found.append(DayUse("segments", used, of, None, closed_by is DayLimit.TRUNK_SEGMENTS))
    if entry.spend_per_day is not None and entry.spend_currency is not None:
        used = counts.spend(entry.id, today, entry.spend_currency)
        is_closed = closed_by is DayLimit.TRUNK_SPEND
        found.append(DayUse("spend", used, entry.spend_per_day, entry.spend_currency, is_closed))
    return found
