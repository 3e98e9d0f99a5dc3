"""How much of a day's limits is used up."""

from decimal import Decimal

import pytest

from pipeline.limits.counts import DayCounts
from pipeline.limits.use import DayUse, day_uses
from schemas.state.day_count import Closure, DayCount, DayLimit, DayUsed, Place
from tests.builders import CREATED, account, trunk, uuid

TODAY = CREATED.date()


def counted(segments: int, *closures: Closure) -> DayCounts:
    counts = DayCounts()
    used = DayUsed(day=TODAY, segments=segments, spend={"USD": Decimal(segments) / 100})
    place = Place(offset=1, message=0)
    counts.learn(
        5, DayCount(trunk_id=uuid(11), account_id=uuid(1), counted_to=place, at_ms=1, used=(used,), closures=closures)
    )
    return counts


@pytest.mark.parametrize(("segments", "is_near"), [(0, False), (79, False), (80, True), (100, True)])
def test_from_four_fifths_on_somebody_is_to_look(segments: int, is_near: bool) -> None:
    """Of a trunk's and of an account's; a limit that there is not has no use."""
    counts = counted(segments)
    for entry in (trunk(segments_per_day=100), account(segments_per_day=100)):
        assert [it.is_near for it in day_uses(counts, entry, TODAY)] == [is_near]
    assert day_uses(counts, trunk(), TODAY) == []


def test_what_is_closed_is_said_of_the_limit_that_was_reached() -> None:
    """Also where a message that did not fit has left a little of it."""
    closure = Closure(begin=Place(offset=0, message=3), limit=DayLimit.TRUNK_SPEND, of=Decimal("0.6"), currency="USD")
    limited = trunk(segments_per_day=100, spend_per_day=Decimal("0.6"), spend_currency="USD")
    assert day_uses(counted(58, closure), limited, TODAY) == [
        DayUse("segments", Decimal(58), Decimal(100), None, False),
        DayUse("spend", Decimal("0.58"), Decimal("0.6"), "USD", True),
    ]


def test_a_limit_of_nothing_is_no_reason_to_look_until_somebody_meets_it() -> None:
    """It is meant so."""
    limited = trunk(spend_per_day=Decimal(0), spend_currency="USD")
    (unmet,) = day_uses(counted(0), limited, TODAY)
    assert (unmet.ratio, unmet.is_near) == (Decimal(0), False)
    closure = Closure(begin=Place(offset=0, message=0), limit=DayLimit.TRUNK_SPEND, of=Decimal(0), currency="USD")
    (met,) = day_uses(counted(0, closure), limited, TODAY)
    assert met.is_near
