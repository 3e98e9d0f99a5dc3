"""Step 5, routing: which carrier takes a message, and which others would.

Longest destination prefix, then longest source prefix, then a route of the account's own, then priority; routes that
are equal in all of this share their messages by weight. Which of them gets one is drawn by the message's id, so a
replay draws the same, and a route that comes or goes moves only the messages that it gains or had (rendezvous hashing
with weights: Schindelhauer and Schomaker, "Weighted distributed hash tables", SPAA 2005).
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import groupby
from math import log
from typing import Final, NamedTuple

from pipeline.directory.model import Directory
from schemas.directory.carrier import Carrier
from schemas.directory.route import Route
from schemas.mt_message import MAX_ALTERNATIVES

MAX_CHOICES: Final = 1 + MAX_ALTERNATIVES


class Choice(NamedTuple):
    """A route that can be used, with its carrier."""

    route: Route
    carrier: Carrier


def choose_routes(
    directory: Directory, account_id: str, source: str, destination: str, message_id: str
) -> list[Choice]:
    """Return the best route for a message and the next best ones, each to another carrier: at most `MAX_CHOICES`.

    Blocked routes, routes to blocked carriers and routes to carriers that are gone are passed over, so blocking a
    carrier moves its traffic to the next best route. Empty: no route is left (code_id 1).
    """
    choices: list[Choice] = []
    for routes in directory.routes_for(account_id, source, destination):
        for route in routes if len(routes) == 1 else _drawn(directory, routes, message_id):
            carrier = usable(directory, route)
            if carrier is not None and all(carrier.id != it.carrier.id for it in choices):
                choices.append(Choice(route, carrier))
                if len(choices) == MAX_CHOICES:
                    return choices
    return choices


def usable(directory: Directory, route: Route) -> Carrier | None:
    """Return a route's carrier; None when the route or the carrier is blocked, or the carrier is gone."""
    carrier = None if route.blocked else directory.carrier(route.carrier_id)
    return None if carrier is None or carrier.blocked else carrier


def _drawn(directory: Directory, routes: Sequence[Route], message_id: str) -> Iterator[Route]:
    """Iterate over routes that are sorted by priority; those of one priority come in the order that is drawn."""
    for _, equal in groupby(routes, key=_priority):
        usable_ones = [route for route in equal if usable(directory, route) is not None]
        if len(usable_ones) > 1:
            usable_ones.sort(key=lambda route: _drawing(route, message_id))
        yield from usable_ones


def _priority(route: Route) -> int:
    return route.priority


def _drawing(route: Route, message_id: str) -> tuple[float, str]:
    """Return when a route has its turn for a message: exponentially distributed with its weight as rate, so that the
    first of several is each of them as often as its weight says.
    """
    drawn = int.from_bytes(blake2b(f"{message_id} {route.id}".encode(), digest_size=6).digest(), "big")
    return -log((drawn + 0.5) / (1 << 48)) / route.share, route.id
