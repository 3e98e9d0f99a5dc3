"""Who keeps a place when there are too many, by addresses and in all, and how many files that may take."""

import subprocess
import sys

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from agents.serving.connections import SPARE_FILES, Bound, Connections
from pipeline.http.client_address import Networks
from tests.fakes.clock import Clock

HERE = "192.0.2.1"


class Connection:
    """One that waits since a time, or works."""

    def __init__(self, since: float, *, used: bool = True) -> None:
        self.since, self.used = since, used
        self.works = self.closed = False

    def idle_rank(self) -> tuple[bool, float] | None:
        return None if self.works else (self.used, self.since)

    def force_close(self) -> None:
        self.closed = True


def metric(name: str, server: str, bound: Bound) -> float:
    labels = {"server": server, "bound": bound.value}
    return REGISTRY.get_sample_value(f"smsout_http_connections_{name}_total", labels) or 0.0


def test_the_one_that_has_waited_longest_makes_room() -> None:
    """Those that never sent a request go before all others."""
    held = Connections("order", 3, 3)
    waited, unused, newest = Connection(1.0), Connection(9.0, used=False), Connection(10.0)
    for connection in (newest, unused, waited):
        assert held.admit(connection, HERE) is None
    gone = []
    for n in range(3):
        assert held.admit(Connection(20.0 + n), HERE) is None
        gone.append([it for it in (waited, unused, newest) if it.closed])
    assert gone == [[unused], [waited, unused], [waited, unused, newest]]
    assert len(held) == 3


def test_who_works_is_never_closed() -> None:
    """Then the new one is turned away, and gets in when there is room again."""
    held = Connections("work", 2, 2)
    before = [metric("refused", "work", bound) for bound in Bound]
    working = [Connection(1.0), Connection(2.0)]
    for connection in working:
        connection.works = True
        assert held.admit(connection, HERE) is None
    late = Connection(3.0)
    assert held.admit(late, "192.0.2.9") is Bound.ALL
    assert held.admit(late, HERE) is Bound.ADDRESS
    held.release(late)  # it never had a place
    assert ([it.closed for it in working], len(held)) == ([False, False], 2)
    held.release(working[0])
    assert held.admit(late, HERE) is None
    assert [metric("refused", "work", bound) - known for bound, known in zip(Bound, before, strict=True)] == [1.0, 1.0]
    assert REGISTRY.get_sample_value("smsout_http_connections", {"server": "work"}) == 2.0


def test_an_address_at_its_bound_closes_its_own() -> None:
    """Nobody else's, however long theirs have waited."""
    held = Connections("own", 100, 2)
    other, first, second = Connection(0.0), Connection(5.0), Connection(6.0)
    for connection, address in ((other, "192.0.2.9"), (first, HERE), (second, HERE)):
        assert held.admit(connection, address) is None
    assert held.admit(Connection(7.0), HERE) is None
    assert [it.closed for it in (other, first, second)] == [False, True, False]
    assert [metric("closed", "own", bound) for bound in Bound] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (HERE, HERE, True),
        (HERE, f"::ffff:{HERE}", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        (HERE, "192.0.2.2", False),
        (None, None, True),
    ],
)
def test_what_counts_as_one_address(first: str | None, second: str | None, same: bool) -> None:
    """IPv4 in any form; of IPv6 a /64, because whoever has one address has them all."""
    held = Connections("address", 100, 1)
    working = Connection(1.0)
    working.works = True
    assert held.admit(working, first) is None
    assert held.admit(Connection(2.0), second) is (Bound.ADDRESS if same else None)


def test_a_trusted_proxy_speaks_for_many() -> None:
    """It has the bound of all alone."""
    held = Connections("proxy", 3, 1, Networks(["10.0.0.0/8"]))
    connections = [Connection(float(n)) for n in range(3)]
    assert [held.admit(it, "10.0.0.1") for it in connections] == [None] * 3
    assert held.admit(Connection(9.0), "10.0.0.1") is None
    assert [it.closed for it in connections] == [True, False, False]


def test_a_flood_frees_several_places_at_once() -> None:
    """So that looking through all of them is not what the flood costs us."""
    held = Connections("flood", 200, 1000)
    connections = [Connection(float(n)) for n in range(200)]
    for connection in connections:
        held.admit(connection, HERE)
    held.admit(Connection(500.0), HERE)
    assert [it.closed for it in connections] == [True] * 4 + [False] * 196


def test_meeting_a_bound_is_said_now_and_then() -> None:
    """Which one, whose, and how often since; not a line for every connection of a flood."""
    clock = Clock()
    held = Connections("said", 100, 1, clock=clock)
    with capture_logs() as logs:
        for _ in range(5):
            held.admit(Connection(1.0), HERE)
        clock.now += 11
        held.admit(Connection(1.0), HERE)
    assert [(it["event"], it["bound"], it["address"], it["limit"], it["since_the_last_line"]) for it in logs] == [
        ("connections_at_their_limit", "address", HERE, 1, 0),
        ("connections_at_their_limit", "address", HERE, 1, 3),
    ]


def test_nothing_is_kept_of_those_that_have_gone() -> None:
    """However many addresses have been here."""
    held = Connections("gone", 10, 10)
    for n in range(100):
        connection = Connection(1.0)
        held.admit(connection, f"192.0.2.{n}")
        held.release(connection)
    assert (len(held), held._by_address, held._address_of) == (0, {}, {})


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "possible", "soft_then"),
    [
        (100_000, 100_000, 2000, 2000, 100_000),
        (1000, 5000, 2000, 2000, 2000 + SPARE_FILES),
        (1000, 1024, 2000, 1024 - SPARE_FILES, 1024),
        (SPARE_FILES, SPARE_FILES, 2000, 1, SPARE_FILES),
    ],
)
def test_some_files_are_always_spared(soft: int, hard: int, wanted: int, possible: int, soft_then: int) -> None:
    """As many connections as leave them; the soft limit is raised as far as that takes and as it goes."""
    if hard > 20_000:
        soft = hard = soft_then = 20_000
    program = (
        "import resource as r, sys\n"
        "from agents.serving.connections import affordable\n"
        f"r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        f"print(affordable({wanted}), r.getrlimit(r.RLIMIT_NOFILE)[0], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.split() == [str(possible), str(soft_then)]
    assert ("fewer_connections_than_wanted" in done.stdout) == (possible < wanted)
