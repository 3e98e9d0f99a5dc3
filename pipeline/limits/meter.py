"""Whether the day of a trunk and of its account has room for a message, the same at every replay.

A message that is counted for the first time goes by the limits that hold now. Whether one that comes again went out or
not is known from the count alone, whatever the limits are by then: a limit, once reached, is closed for the rest of the
day, or until it is raised, so a few stretches of refused messages say it of all.

Days are UTC's, by the broker's time for the submission; a day that has begun for a trunk does not end before its next.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from pipeline.limits.beyond import Beyond
from pipeline.limits.counts import Count, DayCounts, Position
from schemas.directory.account import Account
from schemas.directory.route import Route
from schemas.directory.trunk import Trunk
from schemas.messages.status import CodeId
from schemas.state.day_count import MAX_CLOSURES, Closure, DayLimit, Place

_OF_TRUNK: Final = (DayLimit.TRUNK_SEGMENTS, DayLimit.TRUNK_SPEND)
_OF_ACCOUNT: Final = (DayLimit.ACCOUNT_SEGMENTS, DayLimit.ACCOUNT_SPEND)


class Limit(NamedTuple):
    """A limit that holds: which, whose it is, how much, and in which currency where it is one of spend."""

    limit: DayLimit
    owner: str
    of: Decimal
    currency: str | None


def limits_of(trunk: Trunk, account: Account) -> tuple[Limit, ...]:
    """Return the limits of a trunk and its account, in the order in which they are asked."""
    found = []
    for entry, (segments, spend) in ((trunk, _OF_TRUNK), (account, _OF_ACCOUNT)):
        if entry.segments_per_day is not None:
            found.append(Limit(segments, entry.id, Decimal(entry.segments_per_day), None))
        if entry.spend_per_day is not None:
            found.append(Limit(spend, entry.id, entry.spend_per_day, entry.spend_currency))
    return tuple(found)


def unpriced(limits: tuple[Limit, ...], route: Route) -> Beyond | None:
    """Return why a message cannot go through a route whose price is not known in the currency of a limit of spend."""
    for limit in limits:
        if limit.currency is not None and (route.price_per_segment is None or route.currency != limit.currency):
            whose = limit.limit.partition("_")[0]
            reason = f"the route has no price in {limit.currency}, by which the {whose}'s spend per day is limited"
            return Beyond(CodeId.NO_RATE_FOUND, reason)
    return None


def meter_of(
    counts: DayCounts, partition: int, first: Position, trunk: Trunk, account: Account
) -> "Meter | None":  # fmt: skip
    """Return what counts a submission of a trunk whose first message is at `first`; None where nothing is limited.

    Whose limits have been lifted is counted for the rest of the day: what was refused before must not go out when it
    comes again.
    """
    limits = limits_of(trunk, account)
    if not limits:
        known = counts.get(partition, trunk.id)
        if known is None or day_of(first.at_ms) > known.day:
            return None
    return Meter(counts, partition, first, trunk, limits)


def day_of(at_ms: int) -> date:
    """Return the day of a time (Unix, milliseconds) in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


class Meter:
    """Asks for the messages of one submission; `meter_of` makes it."""

    def __init__(
        self, counts: DayCounts, partition: int, first: Position, trunk: Trunk, limits: tuple[Limit, ...]
    ) -> None:
        self._counts = counts
        self._partition = partition
        self._first = first
        self._trunk = trunk
        self._limits = limits
        self._currencies = {it.currency for it in limits}
        self._day = day_of(first.at_ms)

    def ask(self, index: int, segments: int, route: Route) -> Beyond | None:
        """Count the submission's message `index`, or return why there is no room for it."""
        position = self._first._replace(message=self._first.message + index)
        known = self._counts.get(self._partition, self._trunk.id)
        if known is not None and known.covers(position):
            closure = next((it for it in known.closures if _holds(it, position)), None)
            return None if closure is None else _beyond(closure)
        if (problem := unpriced(self._limits, route)) is not None:
            return problem
        is_new_day = known is not None and self._day > known.day
        count = self._counts.change(self._partition, self._trunk.id, self._trunk.account_id, position, self._day)
        closure = count.closures[-1] if count.closures and count.closures[-1].end is None else None
        if closure is not None and (is_new_day or self._is_raised(closure)):
            ended = closure.model_copy(update={"end": position.to_place()})
            count.closures, closure = (*count.closures[:-1], ended), None
        spend = self._spend_of(segments, route)
        reached = self._reached(count, segments, spend) if closure is None else None
        if reached is not None:
            place = position.to_place()
            closure = Closure(begin=place, limit=reached.limit, of=reached.of, currency=reached.currency)
            count.closures = (*count.closures, closure)[-MAX_CLOSURES:]
        if closure is not None:
            return _beyond(closure)
        self._counts.add(count, segments, spend)
        return None

    def _spend_of(self, segments: int, route: Route) -> dict[str, Decimal]:
        if route.price_per_segment is None or route.currency is None or route.currency not in self._currencies:
            return {}
        return {route.currency: segments * route.price_per_segment}

    def _reached(self, count: Count, segments: int, spend: dict[str, Decimal]) -> Limit | None:
        """Return the first limit that the message does not fit in."""
        for limit in self._limits:
            if limit.currency is None:
                used: Decimal | int = self._counts.segments(limit.owner, count.day) + segments
            else:
                used = self._counts.spend(limit.owner, count.day, limit.currency) + spend[limit.currency]
            if used > limit.of:
                return limit
        return None

    def _is_raised(self, closure: Closure) -> bool:
        now = next((it for it in self._limits if it.limit is closure.limit), None)
        return now is None or now.of > closure.of or now.currency != closure.currency


def _holds(closure: Closure, position: Position) -> bool:
    at = position[:2]
    return _tuple(closure.begin) <= at and (closure.end is None or at < _tuple(closure.end))


def _tuple(place: Place) -> tuple[int, int]:
    return place.offset, place.message


def _beyond(closure: Closure) -> Beyond:
    whose, unit = closure.limit.partition("_")[0], closure.currency or "segments"
    return Beyond(CodeId.INSUFFICIENT_BALANCE, f"the {whose}'s limit of {closure.of:f} {unit} a day (UTC) is reached")
