"""The breaker, in virtual time."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.posting.breaker import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, TRIP_AFTER, Breaker, BreakerState


class Clock:
    """A clock that is told the time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def tripped(clock: Clock) -> Breaker:
    """Return a breaker that has just opened."""
    breaker = Breaker(clock)
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
    assert (breaker.state, breaker.admit(), breaker.seconds_left) == (BreakerState.OPEN, False, FIRST_PAUSE_SECONDS)


def test_when_the_pause_is_over_one_probe_goes_through() -> None:
    """A peer that may be down is not asked by everybody at once."""
    clock = Clock()
    breaker = tripped(clock)
    clock.now += FIRST_PAUSE_SECONDS
    assert breaker.state is BreakerState.HALF_OPEN
    assert [breaker.admit() for _ in range(3)] == [True, False, False]
    breaker.left()  # it was not tried after all: somebody else may
    assert [breaker.admit() for _ in range(2)] == [True, False]


def test_a_probe_that_succeeds_closes_it_and_forgets_how_long_it_was_open() -> None:
    """The next trouble begins with the first pause again."""
    clock = Clock()
    breaker = tripped(clock)
    clock.now += FIRST_PAUSE_SECONDS
    breaker.admit()
    breaker.succeeded()
    assert (breaker.state, breaker.admit(), breaker.seconds_left) == (BreakerState.CLOSED, True, 0.0)
    for _ in range(TRIP_AFTER):
        breaker.failed()
    assert breaker.seconds_left == FIRST_PAUSE_SECONDS


def test_probes_that_fail_double_the_pause_up_to_the_longest() -> None:
    """A peer that stays down is asked ever more seldom."""
    clock = Clock()
    breaker = tripped(clock)
    pauses = []
    for _ in range(9):
        pauses.append(breaker.seconds_left)
        clock.now += breaker.seconds_left
        assert breaker.admit()
        breaker.failed()
    assert pauses == [min(FIRST_PAUSE_SECONDS * 2**n, LONGEST_PAUSE_SECONDS) for n in range(9)]


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
    assert (breaker.admit(), breaker.seconds_left) == (False, 7.0)
    breaker.pause(2.0)  # a shorter wish does not shorten a longer one
    assert breaker.seconds_left == 7.0
    breaker.pause(604_800.0)
    assert breaker.seconds_left == LONGEST_PAUSE_SECONDS
    clock.now += LONGEST_PAUSE_SECONDS
    assert [breaker.admit(), breaker.admit()] == [True, False]


@given(st.lists(st.sampled_from(["admit", "succeeded", "failed", "left", "pause", "wait"]), max_size=60))
def test_it_always_lets_something_through_in_the_end(steps: list[str]) -> None:
    """Whatever happens, after the longest pause and with nothing in flight one attempt is let in."""
    clock = Clock()
    breaker = Breaker(clock)
    in_flight = 0
    for step in steps:
        if step == "wait":
            clock.now += 11.0
        elif step == "pause":
            breaker.pause(30.0)
        elif step == "admit":
            in_flight += breaker.admit()
        elif in_flight:
            in_flight -= 1
            getattr(breaker, step)()
    for _ in range(in_flight):
        breaker.left()
    clock.now += LONGEST_PAUSE_SECONDS
    assert breaker.admit()
