"""Routing: the best route that can be used."""

from typing import Any

import pytest

from pipeline.steps.routing import choose_route
from schemas.directory.carrier import Carrier, Route
from schemas.directory.entry import DirectoryEntry
from tests import builders
from tests.builders import DESTINATION, SOURCE, carrier, directory_of, uuid


def route(number: int, to: int, prefix: str = "", **changes: Any) -> Route:
    return builders.route(number, destination_prefix=prefix, carrier_id=uuid(to), **changes)


def choose(*entries: DirectoryEntry) -> tuple[Route, Carrier] | None:
    return choose_route(directory_of(*entries), SOURCE, DESTINATION)


@pytest.mark.parametrize(
    ("routes", "carriers", "expected"),
    [
        ([route(11, 1), route(12, 2, "1555")], [carrier(1), carrier(2)], (12, 2)),
        ([route(11, 1, "1"), route(12, 2, "1", priority=1)], [carrier(1), carrier(2)], (11, 1)),
        ([route(11, 1), route(12, 2, "1555", blocked=True)], [carrier(1), carrier(2)], (11, 1)),
        ([route(11, 1), route(12, 2, "1555")], [carrier(1), carrier(2, blocked=True)], (11, 1)),
        ([route(11, 1), route(12, 2, "1555")], [carrier(1)], (11, 1)),
        ([route(11, 1, "1"), route(12, 1, "1", blocked=True), route(13, 2, "")], [carrier(2)], (13, 2)),
    ],
    ids=["longest prefix", "priority", "route blocked", "carrier blocked", "carrier gone", "two passed over"],
)
def test_the_best_usable_route_is_chosen(
    routes: list[Route], carriers: list[Carrier], expected: tuple[int, int]
) -> None:
    """Blocked routes and carriers that are blocked or gone leave the traffic to the next best."""
    choice = choose(*routes, *carriers)
    assert choice is not None
    assert (uuid(expected[0]), uuid(expected[1])) == (choice[0].id, choice[1].id)


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
    assert choose(*entries) is None
