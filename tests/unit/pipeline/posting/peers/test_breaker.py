"""The breaker, in virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.posting.peers.breaker import (
    FIRST_PAUSE_SECONDS,
    LONGEST_ASKED_SECONDS,
    LONGEST_CAUTIOUS_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MOST_PROBES,
    TRIP_AFTER,
    Breaker,
    BreakerState,
)
from tests.fakes.clock import Clock


def tripped(clock: Clock, *, cautious: bool = False) -> Breaker:
    """Return a breaker that has just opened."""
    breaker = Breaker(clock, cautious=cautious)
    for _ in range(TRIP_AFTER):
        breaker.failed()
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    """Only an unbroken row of failures says that the peer is down."""
    breaker = Breaker(Clock())
    for _ in range(TRIP_AFTER - 1):
        breaker.failed()
    breaker.succeeded()
    for _ in range(TRIP_AFTER - 1):
        breaker.failed()
    assert breaker.state is BreakerState.CLOSED
    breaker.failed()
    assert (breaker.state, breaker.admit_probe(), breaker.seconds_left) == (
        BreakerState.OPEN, False, FIRST_PAUSE_SECONDS,
    )  # fmt: skip


def test_when_the_pause_is_over_one_probe_goes_through() -> None:
    """A peer that may be down is not asked by everybody at once."""
    clock = Clock()
    breaker = tripped(clock)
    clock.now += FIRST_PAUSE_SECONDS
    assert breaker.state is BreakerState.HALF_OPEN
    assert [breaker.admit_probe() for _ in range(3)] == [True, False, False]
    breaker.left(probe=True)  # it was not tried after all: somebody else may
    assert [breaker.admit_probe() for _ in range(2)] == [True, False]


def test_a_probe_that_hangs_does_not_keep_the_next_from_finding_out() -> None:
    """A peer that is back is found within two seconds, though what was sent before still waits for an answer."""
    clock = Clock()
    breaker = tripped(clock)
    admitted = 0
    for _ in range(100):
        clock.now += 0.25
        admitted += breaker.admit_probe()
    assert admitted == MOST_PROBES
    breaker.succeeded(probe=True)
    assert breaker.closed


def test_a_probe_that_succeeds_closes_it_and_forgets_how_long_it_was_open() -> None:
    """The next trouble begins with the first pause again."""
    clock = Clock()
    breaker = tripped(clock)
    clock.now += FIRST_PAUSE_SECONDS
    breaker.admit_probe()
    breaker.succeeded(probe=True)
    assert (breaker.state, breaker.seconds_left) == (BreakerState.CLOSED, 0.0)
    for _ in range(TRIP_AFTER):
        breaker.failed()
    assert breaker.seconds_left == FIRST_PAUSE_SECONDS


@pytest.mark.parametrize(
    ("cautious", "in_doubt", "longest"),
    [
        (False, False, LONGEST_PAUSE_SECONDS),
        (False, True, LONGEST_PAUSE_SECONDS),
        (True, False, LONGEST_PAUSE_SECONDS),
        (True, True, LONGEST_CAUTIOUS_PAUSE_SECONDS),
    ],
)
def test_a_peer_that_stays_down_is_asked_again_soon_unless_that_costs_messages(
    cautious: bool, in_doubt: bool, longest: float
) -> None:
    """Two seconds at most; where every doubtful probe is a message lost, ever more seldom."""
    clock = Clock()
    breaker = tripped(clock, cautious=cautious)
    pauses = []
    for _ in range(9):
        pauses.append(breaker.seconds_left)
        clock.now += breaker.seconds_left
        assert breaker.admit_probe()
        breaker.failed(probe=True, in_doubt=in_doubt)
    assert pauses == [min(FIRST_PAUSE_SECONDS * 2**n, longest) for n in range(9)]
    assert LONGEST_PAUSE_SECONDS < 2.0


def test_late_news_of_what_was_sent_before_changes_nothing() -> None:
    """Answers to what was in flight when it opened neither close it nor lengthen the pause."""
    clock = Clock()
    breaker = tripped(clock)
    breaker.succeeded()
    breaker.failed()
    assert (breaker.state, breaker.seconds_left) == (BreakerState.OPEN, FIRST_PAUSE_SECONDS)


def test_a_peer_that_asks_for_a_pause_gets_it_within_bounds() -> None:
    """`Retry-After` opens it; a wish for a week does not stop a peer for a week."""
    clock = Clock()
    breaker = Breaker(clock)
    breaker.pause(7.0)
    assert (breaker.admit_probe(), breaker.seconds_left) == (False, 7.0)
    breaker.pause(2.0)  # a shorter wish does not shorten a longer one
    assert breaker.seconds_left == 7.0
    breaker.pause(604_800.0)
    assert breaker.seconds_left == LONGEST_ASKED_SECONDS
    clock.now += LONGEST_ASKED_SECONDS
    assert [breaker.admit_probe(), breaker.admit_probe()] == [True, False]


def test_how_long_it_will_have_been_open_when_something_goes_through() -> None:
    """While it is open, from when it opened to the next probe; a long pause that is asked for counts at once."""
    clock = Clock()
    breaker = Breaker(clock)
    assert (breaker.away_seconds, breaker.times_opened) == (0.0, 0)
    breaker.pause(60.0)
    assert (breaker.away_seconds, breaker.times_opened) == (60.0, 1)
    clock.now += 90.0
    assert breaker.away_seconds == 90.0
    assert breaker.admit_probe()
    breaker.failed(probe=True)
    assert breaker.away_seconds > 90.0
    breaker.close()
    assert breaker.away_seconds == 0.0
    for _ in range(TRIP_AFTER):
        breaker.failed()
    assert (breaker.away_seconds, breaker.times_opened) == (FIRST_PAUSE_SECONDS, 2)


@given(st.lists(st.sampled_from(["probe", "succeeded", "failed", "left", "late", "pause", "wait"]), max_size=60))
def test_it_always_lets_something_through_in_the_end(steps: list[str]) -> None:
    """Whatever happens, after the longest pause and with nothing in flight one probe is let in."""
    clock = Clock()
    breaker = Breaker(clock)
    in_flight = 0
    for step in steps:
        if step == "wait":
            clock.now += 11.0
        elif step == "pause":
            breaker.pause(30.0)
        elif step == "late":
            breaker.failed()
        elif step == "probe":
            in_flight += breaker.admit_probe()
        elif in_flight:
            in_flight -= 1
            getattr(breaker, step)(probe=True)
    for _ in range(in_flight):
        breaker.left(probe=True)
    clock.now += LONGEST_ASKED_SECONDS
    assert breaker.closed or breaker.admit_probe()
