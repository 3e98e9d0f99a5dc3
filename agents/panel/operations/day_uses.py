"""How much of their days trunks and accounts have used up, of those that have a limit."""

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.ports import Clock
from pipeline.limits.counts import DayCounts
from pipeline.limits.use import DayUse, day_uses


class DayUses:
    """Whoever sees an entry sees how much of its day is used up."""

    def __init__(self, access: Access, counts: DayCounts, clock: Clock) -> None:
        self._access = access
        self._counts = counts
        self._clock = clock

    def of_trunk(self, actor: Actor, trunk_id: str) -> list[DayUse]:
        """Return how a trunk stands today (UTC) by each limit of a day. Raises `NotFound`."""
        actor.must(Permission.SEE)
        return day_uses(self._counts, self._access.trunk(actor, trunk_id), self._clock().date())

    def of_account(self, actor: Actor, account_id: str) -> list[DayUse]:
        """Return how an account stands by its own limits. Raises `NotFound`."""
        actor.must(Permission.SEE)
        return day_uses(self._counts, self._access.account(actor, account_id), self._clock().date())
