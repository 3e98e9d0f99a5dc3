"""SMS > SMS Trunks: the list."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.day_use import near_limits, near_limits_of_account
from agents.panel.pages.parts.listing import ListPage
from agents.panel.pages.parts.navigation import need_account
from agents.panel.pages.parts.words import listed, utc
from pipeline.errors import LogUnavailable
from schemas.directory.trunk import Trunk

LIST = ListPage("/sms/trunks", "trunks", "trunks/list.html", sort="name", filters=("name", "blocked"))


@dataclass(frozen=True, slots=True)
class TrunkRow:
    """What the list shows of a trunk: nothing secret."""

    id: str
    name: str
    callback_url: str | None
    callback_disabled_at: str | None
    allowed_ips: tuple[str, ...]
    ips_title: str
    allow_any_did: bool
    source_count: int
    sources_title: str
    blocked: bool

    @classmethod
    def of(cls, trunk: Trunk) -> "TrunkRow":
        """Return the row of a trunk."""
        return cls(
            trunk.id,
            trunk.name,
            trunk.callback_url,
            utc(trunk.callback_disabled_at),
            trunk.allowed_ips,
            listed(trunk.allowed_ips),
            trunk.allow_any_did,
            len(trunk.allowed_sources),
            listed(trunk.allowed_sources),
            trunk.blocked,
        )


async def show(context: PageContext) -> web.StreamResponse:
    """Show one page of the account's trunks."""
    account_id, query = need_account(context), LIST.query(context)
    part = context.operations.trunks.list(
        context.actor,
        name=query.filters["name"],
        blocked=query.flag("blocked"),
        account_id=account_id,
        paging=query.paging,
    )
    uses = context.operations.day_uses
    near = {it.id: near_limits(uses.of_trunk(context.actor, it.id)) for it in part.items if it.is_limited_by_day}
    return LIST.render(
        context,
        query,
        part,
        TrunkRow.of,
        failing=await _failing(context, part.items),
        near=near,
        near_account=near_limits_of_account(context, account_id),
    )


async def _failing(context: PageContext, trunks: Sequence[Trunk]) -> set[str]:
    """Return which trunks' endpoints fail; none where the log does not say: the list is there without it."""
    try:
        return await context.operations.notifications.failing(
            context.actor, [it.id for it in trunks if it.callback_url is not None]
        )
    except LogUnavailable:
        return set()


PAGES = (Page("GET", "/sms/trunks", show),)
