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
from pipeline.steps.authorization import Refusal
from schemas.address import is_short_code
from schemas.directory.carrier import Carrier
from schemas.directory.route import Route
from schemas.messages.mt_message import MAX_ALTERNATIVES
from schemas.messages.status import CodeId

MAX_CHOICES: Final = 1 + MAX_ALTERNATIVES
NO_ROUTE: Final = Refusal(CodeId.NO_ROUTES_FOUND, "no route")


class Choice(NamedTuple):
    """A route that can be used, with its carrier."""

    route: Route
    carrier: Carrier


def choose_routes(
    directory: Directory, account_id: str, source: str, destination: str, message_id: str
) -> list[Choice]:
    """Return the best route for a message and the next best ones, each to another carrier: at most `MAX_CHOICES`.

    Blocked routes, routes to blocked carriers and routes to carriers that are gone are passed over, so blocking a
    carrier moves its traffic to the next best route. Empty: no route is left (`NO_ROUTE`).
    """
    choices: list[Choice] = []
    for equal in _usable(directory, account_id, source, destination):
        if len(equal) > 1:
            equal.sort(key=lambda it: _drawing(it.route, message_id))
        for choice in equal:
            if not choices or choice.carrier.id not in [it.carrier.id for it in choices]:
                choices.append(choice)
                if len(choices) == MAX_CHOICES:
                    return choices
    return choices


def first_choices(directory: Directory, account_id: str, source: str, destination: str) -> list[Choice]:
    """Return the routes that share such messages, of which each is the first choice of some: the heaviest comes first.

    Nearly always that is one. Empty: no route is left (`NO_ROUTE`).
    """
    equal = next(filter(None, _usable(directory, account_id, source, destination)), [])
    return sorted(equal, key=lambda it: -it.route.share)


def usable(directory: Directory, route: Route) -> Carrier | None:
    """Return a route's carrier; None when the route or the carrier is blocked, or the carrier is gone."""
    carrier = None if route.blocked else directory.carrier(route.carrier_id)
    return None if carrier is None or carrier.blocked else carrier


def _usable(directory: Directory, account_id: str, source: str, destination: str) -> Iterator[list[Choice]]:
    """Iterate over what can be used for a message, best first; one list has what is equal but for its weight."""
    found = directory.routes_for(account_id, source, destination)
    if is_short_code(destination):
        found = _taking_short_codes(found)
    for routes in found:
        if len(routes) == 1:  # nearly always
            if (carrier := usable(directory, routes[0])) is not None:
                yield [Choice(routes[0], carrier)]
            continue
        for _, equal in groupby(routes, key=_priority):
            yield [Choice(route, carrier) for route in equal if (carrier := usable(directory, route)) is not None]


def _taking_short_codes(found: Iterator[Sequence[Route]]) -> Iterator[Sequence[Route]]:
    """Iterate over those of the routes that say so; a catch-all would have a code mean what it does in its country."""
    for routes in found:
        if taking := [it for it in routes if it.short_codes]:
            yield taking


def _priority(route: Route) -> int:
    return route.priority


def _drawing(route: Route, message_id: str) -> tuple[float, str]:
    """Return when a route has its turn for a message: exponentially distributed with its weight as rate, so that the
    first of several is each of them as often as its weight says.
    """
    drawn = int.from_bytes(blake2b(f"{message_id} {route.id}".encode(), digest_size=6).digest(), "big")
    return -log((drawn + 0.5) / (1 << 48)) / route.share, route.id
