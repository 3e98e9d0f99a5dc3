"""Routing: the best route that can be used, and the next ones."""

from collections import Counter
from typing import Any

import pytest

from pipeline.steps.routing import MAX_CHOICES, Choice, choose_routes, first_choices
from schemas.directory.carrier import Carrier
from schemas.directory.entry import DirectoryEntry
from schemas.directory.route import Route
from schemas.identifiers import uuid7
from tests import builders
from tests.builders import DESTINATION, SOURCE, carrier, directory_of, uuid

ACCOUNT = uuid(1)


def route(number: int, to: int, prefix: str = "", **changes: Any) -> Route:
    return builders.route(number, destination_prefix=prefix, carrier_id=uuid(to), **changes)


def choose(*entries: DirectoryEntry, message_id: str = uuid(61)) -> list[Choice]:
    return choose_routes(directory_of(*entries), ACCOUNT, SOURCE, DESTINATION, message_id)


@pytest.mark.parametrize(
    ("routes", "carriers", "expected"),
    [
        ([route(11, 1), route(12, 2, "1555")], [carrier(1), carrier(2)], [12, 11]),
        ([route(11, 1, "1"), route(12, 2, "1", priority=1)], [carrier(1), carrier(2)], [11, 12]),
        ([route(11, 1), route(12, 2, source_prefix="1212")], [carrier(1), carrier(2)], [12, 11]),
        ([route(11, 1), route(12, 2, account_id=ACCOUNT, priority=9)], [carrier(1), carrier(2)], [12, 11]),
        ([route(11, 1), route(12, 2, account_id=uuid(2))], [carrier(1), carrier(2)], [11]),
        ([route(11, 1), route(12, 2, "1555", blocked=True)], [carrier(1), carrier(2)], [11]),
        ([route(11, 1), route(12, 2, "1555")], [carrier(1), carrier(2, blocked=True)], [11]),
        ([route(11, 1), route(12, 2, "1555")], [carrier(1)], [11]),
        ([route(11, 1, "1"), route(12, 1, "1555", blocked=True), route(13, 2, "")], [carrier(2)], [13]),
        ([route(11, 1, "1"), route(12, 1, "1555"), route(13, 2)], [carrier(1), carrier(2)], [12, 13]),
    ],
    ids=[
        "longest prefix", "priority", "source prefix", "account", "other account", "route blocked", "carrier blocked",
        "carrier gone", "two passed over", "one carrier twice",
    ],
)  # fmt: skip
def test_the_best_usable_routes_are_chosen(routes: list[Route], carriers: list[Carrier], expected: list[int]) -> None:
    """Blocked routes and carriers that are blocked or gone leave it to the next best, and a carrier is tried once."""
    choices = choose(*routes, *carriers)
    assert [uuid(it) for it in expected] == [it.id for it, _ in choices]
    assert all(it.carrier_id == taker.id for it, taker in choices)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [carrier(1)],
        [route(11, 1)],
        [route(11, 1, "44"), carrier(1)],
        [route(11, 1, blocked=True), carrier(1)],
        [route(11, 1), carrier(1, blocked=True)],
    ],
    ids=["empty", "no route", "no carrier", "other prefix", "route blocked", "carrier blocked"],
)
def test_no_usable_route(entries: list[DirectoryEntry]) -> None:
    """Nothing is chosen when nothing is left."""
    assert choose(*entries) == []


def test_alternatives_are_bounded() -> None:
    """However many carriers there are, a message names a few."""
    entries: list[DirectoryEntry] = [
        entry for n in range(1, 10) for entry in (carrier(n), route(10 + n, n, priority=n))
    ]
    assert [it.id for _, it in choose(*entries)] == [uuid(n) for n in range(1, 1 + MAX_CHOICES)]


def test_equal_routes_share_by_weight() -> None:
    """70, 20 and 10 of a hundred, in the long run; each message the same at every replay."""
    entries: list[DirectoryEntry] = [
        carrier(1), carrier(2), carrier(3),
        route(11, 1, weight=70), route(12, 2, weight=20), route(13, 3, weight=10),
    ]  # fmt: skip
    directory, count = directory_of(*entries), 4000
    ids = [uuid7() for _ in range(count)]
    drawn = [[it.route.id for it in choose_routes(directory, ACCOUNT, SOURCE, DESTINATION, it)] for it in ids]
    assert drawn == [
        [it.route.id for it in choose_routes(directory_of(*reversed(entries)), ACCOUNT, SOURCE, DESTINATION, it)]
        for it in ids
    ]
    firsts, seconds = Counter(it[0] for it in drawn), Counter(it[1] for it in drawn if it[0] == uuid(11))
    for number, percent in ((11, 70), (12, 20), (13, 10)):
        assert abs(firsts[uuid(number)] / count - percent / 100) < 0.03  # four times the standard deviation
    # Who steps in for the first is drawn by weight, too.
    assert abs(seconds[uuid(12)] / firsts[uuid(11)] - 2 / 3) < 0.04


def test_a_carrier_that_is_blocked_moves_no_message_of_another() -> None:
    """Only what it had goes elsewhere: neighbours keep their messages."""
    routes = [route(10 + n, n) for n in (1, 2, 3)]
    ids = [uuid7() for _ in range(300)]
    before = [choose(*routes, carrier(1), carrier(2), carrier(3), message_id=it) for it in ids]
    after = [choose(*routes, carrier(1), carrier(2, blocked=True), carrier(3), message_id=it) for it in ids]
    assert [[it for it in first if it[0].id != uuid(12)] for first in before] == after
    assert len({first[0][1].id for first in before}) == 3


def test_the_first_choices_are_what_is_first_for_some_message() -> None:
    """Those that share by weight, the heaviest first: never what comes later, is blocked or leads nowhere."""
    directory = directory_of(
        carrier(1), carrier(2), carrier(3), carrier(4, blocked=True),
        route(11, 1, "1555"), route(12, 2, "1555", weight=3), route(13, 4, "1555", weight=9),
        route(14, 3, "1555", priority=1), route(15, 3),
    )  # fmt: skip
    shared = first_choices(directory, ACCOUNT, SOURCE, DESTINATION)
    assert [it.route.id for it in shared] == [uuid(12), uuid(11)]
    firsts = {choose_routes(directory, ACCOUNT, SOURCE, DESTINATION, uuid(n))[0].route.id for n in range(100)}
    assert firsts == {it.route.id for it in shared}
    assert first_choices(directory_of(), ACCOUNT, SOURCE, DESTINATION) == []


@pytest.mark.parametrize(
    ("destination", "expected"),
    [("12345", [12, 14]), ("123", [12, 14]), ("1999", [14]), ("012", [14]), ("1234567", [11, 12, 13, 14])],
)
def test_only_routes_that_say_so_take_short_codes(destination: str, expected: list[int]) -> None:
    """Whatever their prefix is: a catch-all would have a code mean what it does in its carrier's country."""
    entries: list[DirectoryEntry] = [
        route(11, 1, "1234"), route(12, 2, "123", short_codes=True), route(13, 3, "1"), route(14, 4, short_codes=True),
        route(15, 1, "12345", short_codes=True, blocked=True), *(carrier(number) for number in range(1, 5)),
    ]  # fmt: skip
    choices = choose_routes(directory_of(*entries), ACCOUNT, SOURCE, destination, uuid(61))
    assert [it.id for it, _ in choices] == [uuid(it) for it in expected][:MAX_CHOICES]
