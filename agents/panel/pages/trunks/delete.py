"""Delete one trunk, or those that were checked, after a question that names them."""

from typing import Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.confirmation import confirmation
from agents.panel.pages.parts.forms import Problems, by_field, unsaved
from agents.panel.pages.parts.navigation import go_to, way_back
from pipeline.errors import BrokerError, RuleViolated

PATH: Final = "/sms/trunks"
CONSEQUENCE: Final = (
    "Their credentials stop working at once. Messages that are on their way still finish and are called back."
)


async def ask(context: PageContext) -> web.StreamResponse:
    """Ask; the trunks are in the query, `id` for each."""
    return _question(context, list(dict.fromkeys(context.request.query.getall("id", []))))


async def delete(context: PageContext) -> web.StreamResponse:
    """Delete all of them, or none."""
    ids = context.texts("id")
    try:
        gone = await context.operations.trunks.delete(context.actor, ids)
    except RuleViolated as error:
        return _question(context, ids, by_field(error), 422)
    except BrokerError as error:
        return _question(context, ids, unsaved(error), 503)
    context.flash("good", f"{gone[0].name} has been deleted." if len(gone) == 1 else f"{len(gone)} trunks deleted.")
    return go_to(context, way_back(context, PATH))


def _question(
    context: PageContext, ids: list[str], problems: Problems | None = None, status: int = 200
) -> web.StreamResponse:
    if not ids:
        context.flash("info", "Check the trunks to delete first.")
        return go_to(context, way_back(context, PATH))
    trunks = [context.operations.trunks.get(context.actor, trunk_id)[0] for trunk_id in ids]
    one = len(trunks) == 1
    return confirmation(
        context,
        section="trunks",
        heading="Delete trunk" if one else f"Delete {len(trunks)} trunks",
        question="This trunk will be deleted permanently:" if one else "These trunks will be deleted permanently:",
        names=sorted(trunk.name for trunk in trunks),
        consequence=CONSEQUENCE.replace("Their", "Its") if one else CONSEQUENCE,
        fields=[("id", trunk_id) for trunk_id in ids],
        action="/sms/trunks/delete",
        back=way_back(context, PATH),
        verb="Delete",
        problems=problems,
        status=status,
    )


PAGES = (
    Page("GET", "/sms/trunks/delete", ask, Permission.MANAGE_TRUNKS),
    Page("POST", "/sms/trunks/delete", delete, Permission.MANAGE_TRUNKS),
)
