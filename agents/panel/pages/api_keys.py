"""API keys: shown once when they are made, revoked at once."""

from aiohttp import web

from agents.panel.operations import ROLE_WORDS, Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.listing import Listing, Wanted
from agents.panel.pages.replies import Problems, by_field, choice, go_to, utc
from agents.panel.pages.users import roles_for
from pipeline.errors import RuleViolated
from schemas.directory.people import ApiKey, PanelRole


async def show(context: PageContext) -> web.StreamResponse:
    """Show which keys there are; to operators who have chosen no account, all."""
    wanted = Wanted.of("/api-keys", context.request.query, (), "name")
    part = context.operations.list_api_keys(
        context.actor, account_id=context.account_id, sort=wanted.sort, page=wanted.page, size=wanted.size
    )
    rows = [
        {
            "id": it.id,
            "name": it.name,
            "role_words": ROLE_WORDS[it.role],
            "hint": f"…{it.hint}",
            "created": utc(it.created_at),
        }
        for it in part.items
    ]
    return context.render("api_keys/list.html", section="api-keys", listing=Listing(part, wanted), rows=rows)


async def new(context: PageContext) -> web.StreamResponse:
    """Show the form."""
    return _form(context, {"key_name": "", "role": PanelRole.MEMBER.value})


async def create(context: PageContext) -> web.StreamResponse:
    """Make a key, and show it once."""
    name, role = context.text("key_name"), context.text("role")
    try:
        if not choice(role, PanelRole):
            raise RuleViolated([("role", "choose a role")])
        record, text = await context.operations.create_api_key(
            context.actor, name, PanelRole(role), account_id=context.account_id
        )
    except RuleViolated as error:
        problems = by_field(error)
        if "name" in problems:
            problems["key_name"] = problems.pop("name")
        return _form(context, {"key_name": name, "role": role}, problems, 422)
    return context.render(
        "shown_once.html",
        section="api-keys",
        heading="API key created",
        about=record.name,
        label="Key",
        secret=text,
        back="/api-keys",
    )


async def ask(context: PageContext) -> web.StreamResponse:
    """Ask before a key is revoked."""
    record = _api_key(context)
    return context.render(
        "confirm.html",
        section="api-keys",
        heading="Revoke API key",
        question="This key will be refused from now on:",
        names=[f"{record.name} (…{record.hint})"],
        consequence="",
        fields=[],
        action=f"/api-keys/{record.id}/delete",
        back="/api-keys",
        verb="Revoke",
        problems={},
    )


async def revoke(context: PageContext) -> web.StreamResponse:
    """Revoke a key."""
    await context.operations.revoke_api_key(context.actor, context.request.match_info["id"])
    context.flash("good", "The key has been revoked.")
    return go_to(context, "/api-keys")


def _api_key(context: PageContext) -> ApiKey:
    return context.operations.api_key(context.actor, context.request.match_info["id"])


def _form(
    context: PageContext, form: dict[str, str], problems: Problems | None = None, status: int = 200
) -> web.Response:
    return context.render(
        "api_keys/form.html",
        status=status,
        section="api-keys",
        form=form,
        roles=list(roles_for(context)),
        problems=problems or {},
    )


PAGES = (
    Page("GET", "/api-keys", show),
    Page("GET", "/api-keys/new", new, Permission.MANAGE_ACCESS),
    Page("POST", "/api-keys", create, Permission.MANAGE_ACCESS),
    Page("GET", "/api-keys/{id}/delete", ask, Permission.MANAGE_ACCESS),
    Page("POST", "/api-keys/{id}/delete", revoke, Permission.MANAGE_ACCESS),
)
