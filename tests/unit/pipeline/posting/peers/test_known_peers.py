"""Which peers are remembered, in virtual time."""

from pipeline.posting.peers.breaker import TRIP_AFTER
from pipeline.posting.peers.known_peers import KEEP_SECONDS, KEEP_WELL_SECONDS, Peers
from pipeline.posting.peers.peer import News, Peer
from tests.fakes.clock import Clock


def new_peers(needed: set[str], most: int = 100) -> tuple[Clock, Peers]:
    clock = Clock()
    return clock, Peers(lambda name: Peer(name, clock, most=8), lambda peer: peer.name in needed, clock, most)


def trip(peer: Peer) -> None:
    for _ in range(TRIP_AFTER):
        peer.admit()
        peer.learn(News.SILENT, 0.1)
        peer.release()


def test_what_is_well_and_idle_is_forgotten() -> None:
    """After a minute; one that was away after an hour; one that is needed never."""
    needed = {"needed"}
    clock, peers = new_peers(needed)
    for name in ("well", "away", "needed"):
        peers.of(name)
    trip(peers.of("away"))
    peers.sweep()
    assert (len(peers), peers.away) == (3, 1)
    clock.now += KEEP_WELL_SECONDS
    peers.sweep()
    assert {it.name for it in peers} == {"away", "needed"}
    clock.now += KEEP_SECONDS
    peers.sweep()
    assert {it.name for it in peers} == {"needed"}
    needed.clear()
    peers.sweep()
    assert len(peers) == 0


def test_there_are_never_more_than_the_maximum_for_long() -> None:
    """Those that are well and unused for longest go first."""
    clock, peers = new_peers(set(), most=10)
    for number in range(15):
        peer = peers.of(str(number))
        if number < 5:
            trip(peer)
        clock.now += 1
    peers.sweep()
    assert {it.name for it in peers} == {*map(str, range(5)), *map(str, range(10, 15))}
    for number in range(100, 125):
        peers.of(str(number))
    assert len(peers) <= 21
