"""What a peer's answers do to it, in virtual time."""

import pytest

from pipeline.posting.peers.breaker import FIRST_PAUSE_SECONDS, TRIP_AFTER, BreakerState
from pipeline.posting.peers.peer import News, Peer
from tests.fakes.clock import Clock


def new_peer(most: int = 8, at_first: int | None = None) -> tuple[Clock, Peer]:
    clock = Clock()
    return clock, Peer("one", clock, most=most, at_first=at_first)


def attempt(peer: Peer, news: News, seconds: float = 0.01, **more: float) -> bool:
    """Make one attempt if it is let in, as a probe where that is what it takes; tell whether it was."""
    probe = not peer.admit()
    if probe and not peer.admit_probe():
        return False
    peer.learn(news, seconds, probe=probe, error=news.name, pause_seconds=more.get("pause_seconds"))
    peer.release()
    return True


def trip(peer: Peer, news: News = News.SILENT) -> None:
    for _ in range(TRIP_AFTER):
        assert attempt(peer, news)
    assert peer.away


@pytest.mark.parametrize("news", [News.UNREACHABLE, News.SILENT, News.UNAVAILABLE])
def test_failures_in_a_row_send_it_away(news: News) -> None:
    """Down, hanging, broken or overloaded: after some failures nothing is posted to it."""
    _, peer = new_peer()
    trip(peer, news)
    assert not attempt(peer, News.ANSWERED)
    assert (peer.error, peer.unreachable) == (news.name, news is News.UNREACHABLE)


def test_a_peer_that_answers_is_here() -> None:
    """An answer breaks a row of failures, whatever it says."""
    _, peer = new_peer()
    for _ in range(3):
        for _ in range(TRIP_AFTER - 1):
            attempt(peer, News.SILENT)
        attempt(peer, News.ANSWERED)
    assert not peer.away


def test_throttling_slows_down_before_it_stops() -> None:
    """429: half as much at once, each second; what is refused at the slowest pace counts as a failure."""
    clock, peer = new_peer(8)
    limits = []
    for _ in range(4):
        for _ in range(TRIP_AFTER):
            attempt(peer, News.THROTTLED)
        limits.append((peer.limit, peer.breaker.state))
        clock.now += 0.49
        clock.now += 0.51
    assert [limit for limit, _ in limits] == [4, 2, 1, 1]
    assert peer.away


def test_it_gets_what_its_limit_says_and_no_more() -> None:
    """The limit is for POSTs that are open; a change counts at once."""
    _, peer = new_peer(3)
    assert [peer.admit() for _ in range(4)] == [True, True, True, False]
    peer.allow(4)
    assert [peer.admit() for _ in range(2)] == [True, False]
    for _ in range(4):
        peer.release()
    peer.allow(1)
    assert [peer.admit() for _ in range(2)] == [True, False]


def test_a_peer_that_asks_for_a_pause_gets_it_and_then_one_finds_out() -> None:
    """It is left alone for as long as it says."""
    clock, peer = new_peer()
    attempt(peer, News.UNAVAILABLE, pause_seconds=7.0)
    clock.now += 6.9
    assert not attempt(peer, News.ANSWERED)
    clock.now += 0.2
    assert attempt(peer, News.ANSWERED)
    assert peer.breaker.state is BreakerState.CLOSED


def test_to_connect_says_that_it_may_be_tried_again() -> None:
    """Where nothing could be sent a connection is the whole probe: it costs no message an attempt."""
    clock, peer = new_peer()
    trip(peer, News.UNREACHABLE)
    clock.now += FIRST_PAUSE_SECONDS
    assert peer.admit_probe()
    peer.release()
    peer.reached(connected=False)
    assert (peer.away, peer.unreachable, peer.wants_probe) == (True, True, False)
    clock.now += 2 * FIRST_PAUSE_SECONDS
    assert peer.admit_probe()
    peer.release()
    peer.reached(connected=True)
    assert (peer.away, peer.unreachable, peer.wants_probe) == (True, False, True)
    assert attempt(peer, News.ANSWERED)
    assert not peer.away


def test_late_news_neither_brings_it_back_nor_settles_a_probe() -> None:
    """Answers to what was sent before it went say nothing about now."""
    clock, peer = new_peer()
    early = [peer.admit() for _ in range(2)]
    trip(peer)
    clock.now += FIRST_PAUSE_SECONDS
    assert early == [True, True]
    assert peer.admit_probe()
    peer.learn(News.ANSWERED, 1.0)
    peer.learn(News.SILENT, 1.0)
    assert peer.away
    peer.learn(News.ANSWERED, 0.1, probe=True)
    assert not peer.away


def test_a_blocked_peer_takes_nothing_and_is_not_probed() -> None:
    """An operator has said so; unblocked it is as it was."""
    clock, peer = new_peer()
    peer.blocked = True
    assert (peer.away, peer.admit(), peer.wants_probe) == (True, False, False)
    peer.blocked = False
    trip(peer)
    clock.now += FIRST_PAUSE_SECONDS
    peer.blocked = True
    assert not peer.wants_probe


@pytest.mark.parametrize(
    ("answers", "slow"),
    [
        ([0.01] * 50, False),
        ([2.0], False),
        ([15.0], True),
        ([1.5] * 30, True),
        ([2.0] * 30 + [0.1] * 30, False),
        ([2.0] * 30 + [0.7] * 100, True),
        ([0.1] * 30 + [5.0, 5.0], True),
    ],
)
def test_a_peer_is_slow_by_the_average_of_its_answers(answers: list[float], slow: bool) -> None:
    """From one second on, until it takes less than half a second again."""
    _, peer = new_peer()
    for seconds in answers:
        attempt(peer, News.ANSWERED, seconds)
    assert peer.slow is slow


def test_one_that_hangs_is_slow_before_its_time_out_unless_others_are_answered() -> None:
    """One POST that hangs among many that are answered says nothing about the peer."""
    clock, peer = new_peer()
    attempt(peer, News.ANSWERED)
    clock.now += 1.0
    peer.hangs(2.0)
    assert not peer.slow
    clock.now += 1.5
    peer.hangs(2.0)
    assert peer.slow


def test_somewhere_else_it_begins_anew() -> None:
    """Another URL is another endpoint: nothing that was learned of the old one counts."""
    _, peer = new_peer()
    trip(peer, News.UNREACHABLE)
    attempt(peer, News.SILENT, 15.0)
    peer.slow = True
    peer.begin_anew()
    assert (peer.away, peer.slow, peer.unreachable, peer.well) == (False, False, False, True)
