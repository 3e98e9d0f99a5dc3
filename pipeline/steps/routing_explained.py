"""Why a message takes its route: what every route of the directory has to say about it, for people.

Says the same as step 5 decides, route by route instead of by an index, and what authorization (step 2) says before.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from pipeline.directory.model import Directory
from pipeline.steps.admission.request import check_destination
from pipeline.steps.authorization import Refusal, authorize, authorize_destination
from pipeline.steps.routing import MAX_CHOICES
from schemas.address import is_short_code
from schemas.directory.account import NumberCheck
from schemas.directory.route import Route


class Verdict(NamedTuple):
    """What becomes of one route. `place` 1 takes the message, alone or by `percent` of such messages; 2 and on are
    tried in their order when the carriers before have definitely not taken it; None does not get it.
    """

    route: Route
    carrier_name: str
    account_name: str | None
    place: int | None
    percent: float | None
    why: str


class Explanation(NamedTuple):
    """`refusal` is why such a message would not be routed at all; `verdicts` come best first."""

    account_id: str | None
    refusal: str | None
    verdicts: tuple[Verdict, ...]

    @property
    def winners(self) -> tuple[Verdict, ...]:
        """The route that takes the message, or those that share such messages by weight."""
        return tuple(verdict for verdict in self.verdicts if verdict.place == 1)


def explain(directory: Directory, trunk_id: str, source: str, destination: str, now: datetime) -> Explanation:
    """Explain what becomes of a message that this trunk would send now from `source` to `destination`."""
    trunk = directory.trunk(trunk_id)
    account_id = None if trunk is None else trunk.account_id
    grant = authorize(directory, trunk_id, source, now)
    refusal = grant if isinstance(grant, Refusal) else authorize_destination(directory, grant, destination)
    ranked: list[Route] = []
    verdicts: list[Verdict] = []
    for route in directory.entries(Route):
        lacks = list(_lacks(directory, route, account_id, source, destination))
        if lacks:
            verdicts.append(_verdict(directory, route, None, None, "; ".join(lacks)))
        else:
            ranked.append(route)
    ranked.sort(key=_rank)
    # Of what does not get it, the closest first: a longer common prefix is more likely to be what was meant.
    verdicts.sort(key=lambda it: (-_common(it.route.destination_prefix, destination), _rank(it.route)))
    words = None if refusal is None else f"code_id {int(refusal.code_id)}: {refusal.reason}"
    return Explanation(account_id, words, (*_ranked(directory, ranked), *verdicts))


def number_problem(destination: str) -> str | None:
    """Return why `destination` is no number at all, whatever the account allows."""
    return check_destination(destination, NumberCheck.FORM, short_codes=True)


def _lacks(directory: Directory, route: Route, account_id: str | None, source: str, destination: str) -> Iterator[str]:
    if not destination.startswith(route.destination_prefix):
        yield f"the destination does not begin with {route.destination_prefix}"
    if route.source_prefix is not None and not source.startswith(route.source_prefix):
        yield f"the source does not begin with {route.source_prefix}"
    if is_short_code(destination) and not route.short_codes:
        yield "it takes no short codes"
    if route.account_id is not None and route.account_id != account_id:
        yield "it is for another account"
    if route.blocked:
        yield "it is blocked"
    carrier = directory.carrier(route.carrier_id)
    if carrier is None:
        yield "its carrier is gone"
    elif carrier.blocked:
        yield "its carrier is blocked"


def _ranked(directory: Directory, ranked: Sequence[Route]) -> Iterator[Verdict]:
    """Yield the verdicts on routes that could take it, in their order; each carrier is tried once."""
    tried: set[str] = set()
    place = 0
    for _, group in groupby(ranked, key=lambda route: _rank(route)[:-1]):
        equal = list(group)
        fresh = [route for route in equal if route.carrier_id not in tried]
        if fresh and len(tried) < MAX_CHOICES:
            place += 1
        for route in equal:
            if route not in fresh:
                yield _verdict(directory, route, None, None, "a better route leads to the same carrier")
            elif len(tried) >= MAX_CHOICES:
                yield _verdict(directory, route, None, None, f"{MAX_CHOICES} carriers come before: no more are tried")
            else:
                total = sum(it.share for it in fresh)
                percent = 100 * route.share / total if len(fresh) > 1 else None
                why = _why_first(route) if place == 1 else _why_later(route, ranked[0])
                if percent is not None:
                    why += f"; weight {route.share} of {total}"
                yield _verdict(directory, route, place, percent, why)
        tried.update(route.carrier_id for route in fresh)


def _why_first(route: Route) -> str:
    said = [f"destination prefix {route.destination_prefix or '(all)'}"]
    if route.source_prefix is not None:
        said.append(f"source prefix {route.source_prefix}")
    if route.account_id is not None:
        said.append("for this account")
    return f"the best that fits: {', '.join(said)}, priority {route.priority}"


def _why_later(route: Route, first: Route) -> str:
    """Say by what a route is behind the first: the first difference decides."""
    if route.destination_prefix != first.destination_prefix:
        return f"its destination prefix is shorter than {first.destination_prefix}"
    if route.source_prefix != first.source_prefix:
        return f"its source prefix is shorter than {first.source_prefix}" if route.source_prefix else (
            f"it has no source prefix, and {first.source_prefix} fits"
        )  # fmt: skip
    if route.account_id != first.account_id:
        return "it is for every account, and there is one for this account"
    return f"its priority is {route.priority}, and {first.priority} goes first"


def _verdict(directory: Directory, route: Route, place: int | None, percent: float | None, why: str) -> Verdict:
    carrier = directory.carrier(route.carrier_id)
    account = None if route.account_id is None else directory.account(route.account_id)
    return Verdict(
        route,
        route.carrier_id if carrier is None else carrier.name,
        route.account_id if account is None else account.name,
        place,
        percent,
        why,
    )


def _rank(route: Route) -> tuple[int, int, bool, int, str]:
    source_length = len(route.source_prefix or "")
    return -len(route.destination_prefix), -source_length, route.account_id is None, route.priority, route.id


def _common(prefix: str, destination: str) -> int:
    return next(
        (n for n, (one, other) in enumerate(zip(prefix, destination, strict=False)) if one != other),
        min(len(prefix), len(destination)),
    )
