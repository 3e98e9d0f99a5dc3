"""Requests per second, over several processes, in virtual time."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.limits.living import Living
from pipeline.limits.requests import FORGET_BEYOND, RequestRates
from schemas.directory.trunk import Trunk
from tests.builders import account, directory_of, trunk, uuid
from tests.fakes.clock import Clock

OWN = "0" * 32


def rates(clock: Clock, *entries: Trunk, of_account: int | None = None, others: int = 0) -> RequestRates:
    living = Living(OWN, clock)
    for number in range(1, others + 1):
        living.heard(f"{number:032x}")
    made = RequestRates(directory_of(account(requests_per_second=of_account), *entries), living, clock)
    clock.now += 60  # it has been there for a while
    return made


def let_in(held: RequestRates, who: Trunk, requests: int) -> int:
    asked = [held.ask(who) for _ in range(requests)]
    return sum(it is not None and not it.refused_by for it in asked)


def test_what_has_no_limit_is_not_counted() -> None:
    """Neither is anything kept of it."""
    held = rates(Clock(), trunk())
    assert held.ask(trunk()) is None
    assert len(held) == 0


def test_a_seconds_worth_comes_at_once_and_then_one_after_the_other() -> None:
    """What is left and how long to wait is said with each."""
    clock, limited = Clock(), trunk(requests_per_second=5)
    held = rates(clock, limited)
    said = []
    for _ in range(6):
        asked = held.ask(limited)
        assert asked is not None
        (standing,) = asked.standings
        said.append((asked.refused_by, standing.left, round(standing.wait_seconds, 3)))
    assert said == [*(((), left, 0.2) for left in (4, 3, 2, 1, 0)), (("trunk",), 0, 0.2)]
    clock.now += 0.2
    assert let_in(held, limited, 10) == 1
    clock.now += 100
    assert let_in(held, limited, 10) == 5


def test_the_trunks_of_an_account_share_its_limit() -> None:
    """And what one limit refuses takes nothing of the other."""
    clock = Clock()
    small, free = trunk(11, requests_per_second=2), trunk(12)
    held = rates(clock, small, free, of_account=6)
    assert let_in(held, small, 10) == 2
    asked = held.ask(small)
    assert asked is not None
    assert asked.refused_by == ("trunk",)
    assert [(it.whose, it.per_second, it.left) for it in asked.standings] == [("trunk", 2, 0), ("account", 6, 4)]
    assert let_in(held, free, 10) == 4
    asked = held.ask(free)
    assert asked is not None
    assert [(it.whose, it.left) for it in asked.standings] == [("account", 0)]


def test_each_process_has_its_part() -> None:
    """One of four lets a quarter in; where that is less than one a second, it is one at once and then its part."""
    clock, limited, slow = Clock(), trunk(11, requests_per_second=20), trunk(12, requests_per_second=1)
    held = rates(clock, limited, slow, others=3)
    assert (let_in(held, limited, 30), let_in(held, slow, 30)) == (5, 1)
    asked = held.ask(slow)
    assert asked is not None
    assert round(asked.standings[0].wait_seconds) == 4
    clock.now += 2
    assert (let_in(held, limited, 30), let_in(held, slow, 30)) == (5, 0)
    clock.now += 2
    assert let_in(held, slow, 30) == 1


def test_a_process_begins_with_nothing() -> None:
    """Else each start would add a second's worth of its own to what the others have let in."""
    clock, limited = Clock(), trunk(requests_per_second=10)
    held = RequestRates(directory_of(account(), limited), Living(OWN, clock), clock)
    assert let_in(held, limited, 20) == 0
    clock.now += 0.5
    assert let_in(held, limited, 20) == 5


def test_a_limit_that_changes_counts_at_once() -> None:
    """What has been saved up under a higher one is no more than a second's worth of the lower."""
    clock, directory = Clock(), directory_of(account())
    held = RequestRates(directory, Living(OWN, clock), clock)
    clock.now += 60
    assert let_in(held, trunk(requests_per_second=100), 40) == 40
    assert let_in(held, trunk(requests_per_second=3), 40) == 3
    clock.now += 0.2
    assert let_in(held, trunk(requests_per_second=100), 40) == 20


def test_a_part_that_grows_fills_from_then_on() -> None:
    """Whose part it was may just have used it; a bucket that nobody asks knows since when it has the larger one."""
    clock, limited = Clock(), trunk(requests_per_second=20)
    living = Living(OWN, clock)
    living.heard("1" * 32)
    held = RequestRates(directory_of(account(), limited), living, clock)
    clock.now += 60
    assert let_in(held, limited, 30) == 10
    clock.now += 60
    living.left("1" * 32)
    assert let_in(held, limited, 30) == 10
    living.heard("1" * 32)
    assert let_in(held, limited, 30) == 0
    clock.now += 60
    living.left("1" * 32)
    clock.now += 0.25
    assert let_in(held, limited, 30) == 15


def test_what_is_full_again_is_forgotten() -> None:
    """Memory goes with the limits in use, whatever there once were."""
    clock = Clock()
    held = rates(clock)
    for number in range(FORGET_BEYOND):
        held.ask(trunk(number, requests_per_second=1))
    assert len(held) == FORGET_BEYOND
    clock.now += 2
    held.ask(trunk(9999, requests_per_second=1))
    assert len(held) == 1


@given(
    limit=st.integers(1, 50),
    processes=st.integers(1, 5),
    events=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 400)), max_size=150),
)
def test_together_no_more_than_the_limit(limit: int, processes: int, events: list[tuple[int, int]]) -> None:
    """In any stretch of time: the limit by the second, and one second's worth (or one request of each process)."""
    clock, limited = Clock(), trunk(requests_per_second=limit, account_id=uuid(1))
    all_rates = [rates(clock, limited, others=processes - 1) for _ in range(processes)]
    let_in_at: list[float] = []
    for process, milliseconds in events:
        clock.now += milliseconds / 1000
        asked = all_rates[process % processes].ask(limited)
        if asked is not None and not asked.refused_by:
            let_in_at.append(clock.now)
    burst = max(limit, processes) + processes  # a part of a token may be left over in each
    for first, begin in enumerate(let_in_at):
        for last in range(first, len(let_in_at)):
            assert last - first + 1 <= limit * (let_in_at[last] - begin) + burst
