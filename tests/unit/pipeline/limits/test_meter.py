"""Which messages a day has room for, and that a replay says the same."""

from decimal import Decimal
from typing import Any

import pytest

from pipeline.limits.beyond import Beyond
from pipeline.limits.counts import Count, DayCounts, Position
from pipeline.limits.meter import meter_of
from schemas.directory.account import Account
from schemas.directory.trunk import Trunk
from schemas.messages.status import CodeId
from schemas.state.day_count import MAX_CLOSURES, DayCount
from tests.builders import account, route, trunk, uuid

MIDNIGHT = 1_767_225_600_000  # 2026-01-01
NOON = MIDNIGHT - 43_200_000
DAY_MS = 86_400_000
CENT = route(price_per_segment=Decimal("0.01"), currency="USD")


class Bench:
    """A processor that counts messages of one segment each, unless it is told otherwise."""

    def __init__(self) -> None:
        self.counts = DayCounts()
        self.topic: list[tuple[int, bytes]] = []
        self.offset = -1

    def ask(
        self, limited: Trunk, segments: int = 1, *, of: Account | None = None, at_ms: int = NOON,
        offset: int | None = None, partition: int = 0, through: Any = CENT,
    ) -> Beyond | None:  # fmt: skip
        if offset is None:
            offset = self.offset = self.offset + 1
        meter = meter_of(self.counts, partition, Position(offset, 0, at_ms), limited, of or account())
        return None if meter is None else meter.ask(0, segments, through)

    def allowed(self, limited: Trunk, messages: int, **more: Any) -> int:
        return sum(self.ask(limited, **more) is None for _ in range(messages))

    def write(self) -> None:
        self.topic += [(partition, it.to_bytes()) for partition, it in self.counts.take_unwritten()]

    def begin_anew(self) -> None:
        """Be a process that knows what the topic says."""
        self.counts = DayCounts()
        for partition, value in self.topic:
            self.counts.learn(partition, DayCount.from_bytes(value))

    def count(self, trunk_id: str = uuid(11)) -> Count:
        found = self.counts.get(0, trunk_id)
        assert found is not None
        return found

    def used(self, owner: str = uuid(11)) -> int:
        return self.counts.segments(owner, self.count().day)


def test_what_has_no_limit_is_not_counted() -> None:
    """Neither by trunk nor by account."""
    bench = Bench()
    assert meter_of(bench.counts, 0, Position(0, 0, NOON), trunk(), account()) is None
    assert list(bench.counts.take_unwritten()) == []


@pytest.mark.parametrize(
    ("of_trunk", "of_account", "words"),
    [
        ({"segments_per_day": 10}, {}, "the trunk's limit of 10 segments a day (UTC) is reached"),
        ({}, {"segments_per_day": 10}, "the account's limit of 10 segments a day (UTC) is reached"),
        ({"spend_per_day": Decimal("0.10"), "spend_currency": "USD"}, {},
         "the trunk's limit of 0.10 USD a day (UTC) is reached"),
        ({"segments_per_day": 99}, {"spend_per_day": Decimal("0.1"), "spend_currency": "USD"},
         "the account's limit of 0.1 USD a day (UTC) is reached"),
    ],
)  # fmt: skip
def test_the_first_limit_that_is_reached_refuses(
    of_trunk: dict[str, Any], of_account: dict[str, Any], words: str
) -> None:
    """With the contract's code of an insufficient balance; all of the limit can be used."""
    bench, limited, owner = Bench(), trunk(**of_trunk), account(**of_account)
    refused = Beyond(CodeId.INSUFFICIENT_BALANCE, words)
    assert [bench.ask(limited, 5, of=owner) for _ in range(3)] == [None, None, refused]


def test_once_reached_a_limit_is_closed_for_the_day() -> None:
    """Also for what would still fit; the next day begins by the broker's clock, in UTC."""
    bench, limited = Bench(), trunk(segments_per_day=10)
    assert bench.ask(limited, 8) is None
    assert bench.ask(limited, 3) is not None
    assert bench.allowed(limited, 5) == 0
    assert bench.ask(limited, 1, at_ms=MIDNIGHT - 1) is not None
    assert bench.ask(limited, 10, at_ms=MIDNIGHT) is None
    assert bench.ask(limited, 1, at_ms=MIDNIGHT) is not None


def test_a_day_that_has_begun_does_not_end_before_its_next() -> None:
    """A broker whose clock steps back over midnight gives nobody a second day."""
    bench, limited = Bench(), trunk(segments_per_day=10)
    assert bench.allowed(limited, 20, at_ms=MIDNIGHT - 1) == 10
    assert bench.allowed(limited, 20, at_ms=MIDNIGHT) == 10
    assert bench.allowed(limited, 20, at_ms=MIDNIGHT - 1) == 0
    assert bench.allowed(limited, 20, at_ms=MIDNIGHT + 1) == 0


def test_the_trunks_of_an_account_share_its_day_across_partitions() -> None:
    """And a trunk's submissions that a producer has put into two partitions share the trunk's."""
    bench, owner = Bench(), account(segments_per_day=10)
    assert bench.allowed(trunk(11), 4, of=owner, partition=0) == 4
    assert bench.allowed(trunk(12), 9, of=owner, partition=1) == 6
    assert bench.allowed(trunk(11), 9, of=owner, partition=0) == 0
    other = Bench()
    limited = trunk(segments_per_day=10)
    assert [other.allowed(limited, 7, partition=place) for place in (0, 1)] == [7, 3]


def test_a_trunk_that_is_behind_still_counts_with_those_that_are_not() -> None:
    """Another trunk of the account is in the next day already: of yesterday it has used what it has used."""
    bench, owner = Bench(), account(segments_per_day=10)
    assert bench.allowed(trunk(11), 8, of=owner, partition=0, at_ms=MIDNIGHT - 5) == 8
    assert bench.allowed(trunk(11), 5, of=owner, partition=0, at_ms=MIDNIGHT + 5) == 5
    bench.write()
    bench.begin_anew()
    assert bench.allowed(trunk(12), 9, of=owner, partition=1, at_ms=MIDNIGHT - 5) == 2
    assert bench.allowed(trunk(12), 9, of=owner, partition=1, at_ms=MIDNIGHT + 5) == 5


def test_raising_or_lifting_a_limit_opens_the_day_again() -> None:
    """Lowering closes it with the next message; the same limit again opens nothing."""
    bench = Bench()
    assert bench.allowed(trunk(segments_per_day=10), 12) == 10
    assert bench.allowed(trunk(segments_per_day=10), 2) == 0
    assert bench.allowed(trunk(segments_per_day=15), 12) == 5
    assert bench.allowed(trunk(), 3) == 3
    assert bench.allowed(trunk(segments_per_day=5), 3) == 0
    assert bench.allowed(trunk(segments_per_day=20), 12) == 2
    euros = route(price_per_segment=Decimal(1), currency="EUR")
    assert bench.allowed(trunk(spend_per_day=Decimal(1), spend_currency="EUR"), 2, through=euros) == 1


def test_spend_needs_a_price_in_its_currency() -> None:
    """Else it could not be held: the contract has a code for it. Where nobody limits spend, no price is needed."""
    bench, limited = Bench(), trunk(spend_per_day=Decimal(1), spend_currency="USD")
    for through in (route(), route(price_per_segment=Decimal(1), currency="EUR"), route(price_per_segment=Decimal(1))):
        assert bench.ask(limited, through=through) == Beyond(
            CodeId.NO_RATE_FOUND, "the route has no price in USD, by which the trunk's spend per day is limited"
        )
        assert bench.ask(trunk(12, segments_per_day=5), through=through) is None
    assert bench.allowed(limited, 200) == 100


def test_nothing_may_be_spent_where_the_limit_is_zero() -> None:
    """What costs nothing may be sent."""
    limited = trunk(spend_per_day=Decimal(0), spend_currency="USD")
    assert Bench().ask(limited) is not None
    assert Bench().ask(limited, through=route(price_per_segment=Decimal(0), currency="USD")) is None


@pytest.mark.parametrize("now", [{}, {"segments_per_day": 1}, {"segments_per_day": 100}])
def test_what_comes_again_goes_the_way_it_went(now: dict[str, Any]) -> None:
    """Whatever the limit is by then, and in the words that were said; and it is not counted again."""
    bench = Bench()
    first = [bench.ask(trunk(segments_per_day=3), offset=offset) for offset in range(6)]
    assert [it is None for it in first] == [True] * 3 + [False] * 3
    bench.write()
    bench.begin_anew()
    assert bench.used() == 3
    assert [bench.ask(trunk(**now), offset=offset) for offset in range(6)] == first
    assert bench.used() == 3


def test_what_comes_again_from_the_day_before_goes_the_way_it_went() -> None:
    """A process that died at midnight reads both days again."""
    bench, limited = Bench(), trunk(segments_per_day=2)
    times = [MIDNIGHT - 1] * 4 + [MIDNIGHT] * 4
    first = [bench.ask(limited, offset=offset, at_ms=at_ms) is None for offset, at_ms in enumerate(times)]
    assert first == [True, True, False, False] * 2
    bench.write()
    bench.begin_anew()
    assert [bench.ask(limited, offset=offset, at_ms=at_ms) is None for offset, at_ms in enumerate(times)] == first


def test_a_topic_that_was_made_anew_counts_from_its_beginning() -> None:
    """Its offsets are low, and its times are later: nothing of it was counted."""
    bench, limited = Bench(), trunk(segments_per_day=5)
    assert bench.ask(limited, offset=1000) is None
    assert bench.ask(limited, offset=0, at_ms=NOON + 1) is None
    assert bench.used() == 2


def test_an_owner_before_this_one_does_not_set_back_the_count() -> None:
    """What it writes late is older than what is known, in whichever order it is read."""
    bench, limited = Bench(), trunk(segments_per_day=50)
    bench.allowed(limited, 3)
    bench.write()
    bench.allowed(limited, 4)
    bench.write()
    late, last = bench.topic
    for order in ([late, last], [last, late]):
        bench.topic = order
        bench.begin_anew()
        assert bench.used() == 7


def test_what_is_taken_back_has_not_been_counted() -> None:
    """Of a trunk that was known, of one that was not, and over midnight; what is written stays."""
    bench, one, other = Bench(), trunk(11, segments_per_day=50), trunk(12, segments_per_day=50)
    bench.allowed(one, 5)
    bench.write()
    mark = bench.counts.mark()
    bench.allowed(one, 2)
    bench.allowed(one, 2, at_ms=MIDNIGHT)
    bench.allowed(other, 3)
    bench.counts.undo(mark)
    assert (bench.used(), bench.used(account().id), bench.counts.get(0, other.id)) == (5, 5, None)
    bench.ask(one, offset=5)
    bench.write()
    assert len(bench.topic) == 2
    assert DayCount.from_bytes(bench.topic[-1][1]).used[0].segments == 6


def test_closures_are_bounded() -> None:
    """However often somebody raises the limit."""
    bench = Bench()
    for limit in range(1, 30):
        assert bench.allowed(trunk(segments_per_day=limit), 3) == 1
    bench.write()
    closures = DayCount.from_bytes(bench.topic[-1][1]).closures or ()
    assert [it.of for it in closures] == list(range(30 - MAX_CLOSURES, 30))
    assert [it.end is None for it in closures] == [False] * (MAX_CLOSURES - 1) + [True]


def test_sums_of_days_long_gone_are_forgotten() -> None:
    """A trunk that sends every day for years takes no more memory than one that began yesterday."""
    bench, limited = Bench(), trunk(segments_per_day=5)
    for day in range(100):
        assert bench.allowed(limited, 9, at_ms=NOON + day * DAY_MS) == 5
    assert {owner: len(days) for owner, days in bench.counts._sums.items()} == {limited.id: 3, account().id: 3}
