"""SMS > SMS Trunks: the list."""

from dataclasses import dataclass

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.listing import Listing, Wanted
from agents.panel.pages.replies import listed, need_account, utc
from schemas.directory.trunk import Trunk


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
    account_id = need_account(context)
    wanted = Wanted.of("/sms/trunks", context.request.query, ("name", "blocked"), "name")
    part = context.operations.list_trunks(
        context.actor,
        name=wanted.filters["name"],
        blocked=wanted.flag("blocked"),
        account_id=account_id,
        sort=wanted.sort,
        page=wanted.page,
        size=wanted.size,
    )
    if part.total and not part.items:
        return context.redirect(wanted.url(page=part.pages))
    return context.render(
        "trunks/list.html",
        section="trunks",
        listing=Listing(part, wanted),
        rows=[TrunkRow.of(trunk) for trunk in part.items],
        filters={**wanted.filters, "any": wanted.is_filtered},
        nothing_yet=not part.total and not wanted.is_filtered,
    )


PAGES = (Page("GET", "/sms/trunks", show),)
