"""How much of a day is used up, in words; said of limits that are nearly."""

from collections.abc import Iterable
from typing import NamedTuple

from agents.panel.page import PageContext
from pipeline.limits.use import DayUse


class NearLimit(NamedTuple):
    """A limit that is nearly used up, or is: in a few words, and with its figures."""

    short: str
    words: str
    reached: bool


def near_limits(uses: Iterable[DayUse]) -> list[NearLimit]:
    """Return what is to be said of limits."""
    return [_said(it) for it in uses if it.is_near]


def near_limits_of_account(context: PageContext, account_id: str) -> list[NearLimit]:
    """Return what is to be said of an account's."""
    return near_limits(context.operations.day_uses.of_account(context.actor, account_id))


def _said(use: DayUse) -> NearLimit:
    reached = use.is_closed or use.used >= use.of
    what = "segments" if use.currency is None else "spend"
    short = f"Day's {what} used up" if reached else f"{int(use.ratio * 100)} % of the day's {what}"
    amounts = (f"{it:,f}" for it in (use.used, use.of))
    return NearLimit(short, f"{' of '.join(amounts)} {use.currency or 'segments'} today (UTC)", reached)
