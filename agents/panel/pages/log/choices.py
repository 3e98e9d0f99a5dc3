"""Trunks and campaigns: as the forms above the log's lists offer them, and what its rows call them."""

from collections.abc import Iterable
from typing import Final

from agents.panel.operations.entries.paging import Paging
from agents.panel.page import PageContext
from schemas.directory.campaign import Campaign
from schemas.directory.trunk import Trunk

Choices = list[tuple[str, str]]
"""Values, and what each is called; the first is that of any."""

OFFERED: Final = Paging("name", 1, 500)


def trunk_choices(context: PageContext, account_id: str, chosen: str = "") -> Choices:
    """Return the trunks of an account to choose from; the chosen one also when it is deleted."""
    part = context.operations.trunks.list(context.actor, account_id=account_id, paging=OFFERED)
    return _choices(part.items, chosen, _name(context.operations.directory.trunk(chosen), account_id, chosen))


def campaign_choices(context: PageContext, account_id: str, chosen: str = "") -> Choices:
    """Return the campaigns of an account to choose from, as trunks; nothing where there is nothing to choose."""
    part = context.operations.campaigns.list(context.actor, account_id=account_id, paging=OFFERED)
    if not part.items and not chosen:
        return []
    return _choices(part.items, chosen, campaign_name(context, account_id, chosen))


def trunk_name(context: PageContext, trunk_id: str) -> str:
    """Return what a trunk is called, its id when it is gone."""
    trunk = context.operations.directory.trunk(trunk_id)
    return trunk_id if trunk is None else trunk.name


def campaign_name(context: PageContext, account_id: str | None, campaign_id: str) -> str:
    """Return what a campaign is called, its id when it is gone or another account's: customers name what they like."""
    return _name(context.operations.directory.campaign(campaign_id), account_id, campaign_id)


def _name(found: Trunk | Campaign | None, account_id: str | None, identity: str) -> str:
    return identity if found is None or found.account_id != account_id else found.name


def _choices(offered: Iterable[Trunk | Campaign], chosen: str, name: str) -> Choices:
    found = [("", "Any"), *((it.id, it.name) for it in offered)]
    return found if chosen in dict(found) else [*found, (chosen, name)]
