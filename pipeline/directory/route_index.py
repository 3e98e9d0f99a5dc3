"""Routes by what they are for, so that those for one message are found without a look at the others.

A route is for a destination prefix, perhaps for a source prefix too, and perhaps for one account. Its shape is how long
the prefixes are and whether there is an account: of all routes of one shape only those under one key can be for a
message. There are few shapes, however many routes there are.
"""

from bisect import insort
from collections import Counter
from collections.abc import Iterator, Sequence

from schemas.directory.route import Route

_Key = tuple[str, str, str | None]
_Shape = tuple[int, int, bool]


class RouteIndex:
    """Routes, found by account, source and destination."""

    def __init__(self) -> None:
        self._routes: dict[_Key, list[Route]] = {}
        self._shapes: Counter[_Shape] = Counter()
        self._order: tuple[_Shape, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self._routes.values()))

    def add(self, route: Route) -> None:
        """Take a route in."""
        key = _key(route)
        if key not in self._routes:
            self._count(key, 1)
        routes = list(self._routes.get(key, ()))  # a copy: a caller may be iterating over the old one
        insort(routes, route, key=_preference)
        self._routes[key] = routes

    def forget(self, route: Route) -> None:
        """Take a route out."""
        key = _key(route)
        rest = [held for held in self._routes.pop(key) if held.id != route.id]
        if rest:
            self._routes[key] = rest
        else:
            self._count(key, -1)

    def _count(self, key: _Key, change: int) -> None:
        destination, source, account_id = key
        self._shapes[len(destination), len(source), account_id is not None] += change
        self._order = tuple(sorted((shape for shape, count in self._shapes.items() if count), reverse=True))

    def find(self, account_id: str, source: str, destination: str) -> Iterator[Sequence[Route]]:
        """Iterate over the routes for a message, best first, in groups: what is in one is equal but for priority and
        weight, and sorted by priority, then id.

        The longest destination prefix comes first, then the longest source prefix, then what is for the account alone.
        """
        for destination_length, source_length, of_account in self._order:
            if destination_length <= len(destination) and source_length <= len(source):
                routes = self._routes.get(
                    (destination[:destination_length], source[:source_length], account_id if of_account else None)
                )
                if routes is not None:
                    yield routes


def _key(route: Route) -> _Key:
    return route.destination_prefix, route.source_prefix or "", route.account_id


def _preference(route: Route) -> tuple[int, str]:
    return route.priority, route.id
