"""What operators allow trunks and accounts."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypedDict

from agents.panel.operations.actor import Actor, Permission
from schemas.directory.limits import LIMITS

OF_OPERATORS: Final = frozenset(LIMITS)


class LimitSettings(TypedDict, total=False):
    """Limits that a form or a request sets; what is left out stays as it is, None lifts."""

    segments_per_second: int | None
    requests_per_second: int | None
    segments_per_day: int | None
    spend_per_day: Decimal | None
    spend_currency: str | None
    messages_per_number: int | None
    number_window_minutes: int | None
    messages_per_range: int | None
    range_window_minutes: int | None
    same_text_minutes: int | None


def must_set_limits(actor: Actor, settings: Mapping[str, Any]) -> None:
    """Raise `NotAllowed` when there is a limit among `settings`, and `actor` is no operator."""
    if OF_OPERATORS & settings.keys():
        actor.must(Permission.OPERATE)
