"""The pace towards a peer, in virtual time."""

from pipeline.posting.peers.pace import HALVE_EVERY_SECONDS, Pace
from tests.fakes.clock import Clock


def test_it_begins_at_the_most_that_is_allowed() -> None:
    """A peer is trusted with what its configuration says until it complains."""
    assert Pace(Clock(), 64).limit == 64


def test_complaints_halve_it_once_a_second_down_to_one() -> None:
    """What is in flight when a peer begins to throttle all tells the same."""
    clock = Clock()
    pace = Pace(clock, 8)
    limits = []
    for _ in range(5):
        pace.throttled()
        pace.throttled()
        limits.append(pace.limit)
        clock.now += HALVE_EVERY_SECONDS
    assert limits == [4, 2, 1, 1, 1]


def test_it_grows_by_one_for_as_many_successes_as_it_allows() -> None:
    """Slowly up again, and never beyond the most."""
    pace = Pace(Clock(), 4)
    pace.throttled()
    limits = []
    for _ in range(8):
        pace.succeeded()
        limits.append(pace.limit)
    assert limits == [2, 2, 3, 3, 3, 4, 4, 4]


def test_a_changed_bound_is_taken_over() -> None:
    """Up: only a pace that was at its bound follows at once; down: at once."""
    pace = Pace(Clock(), 8)
    pace.allow(16)
    assert pace.limit == 16
    pace.throttled()
    pace.allow(32)
    assert pace.limit == 8
    pace.allow(4)
    assert pace.limit == 4


def test_a_peer_that_is_not_known_begins_with_little() -> None:
    """One more for each answer, until it complains; after a failure it is not known any more."""
    pace = Pace(Clock(), 64, at_first=8)
    limits = []
    for _ in range(60):
        limits.append(pace.limit)
        pace.succeeded()
    assert limits == [min(8 + n, 64) for n in range(60)]
    pace.failed()
    assert pace.limit == 8
    pace.throttled()
    pace.succeeded()
    assert pace.limit == 4  # from here on carefully


def test_one_that_is_trusted_from_the_beginning_keeps_its_limit_over_failures() -> None:
    """A carrier's bound is its operator's word."""
    pace = Pace(Clock(), 64)
    pace.failed()
    assert pace.limit == 64
