"""Users: who can log in, as what; passwords are made here and shown once."""

from collections.abc import Iterator
from typing import Final

from aiohttp import web

from agents.panel.operations import ROLE_WORDS, Conflict, Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.listing import Listing, Wanted
from agents.panel.pages.replies import Problems, by_field, choice, expected_version, go_to
from pipeline.errors import RuleViolated
from schemas.directory.people import PanelRole, PanelUser

ROLE_HINTS: Final = {
    PanelRole.READ_ONLY: "sees everything of the account but secrets",
    PanelRole.MEMBER: "works with trunks and sends messages",
    PanelRole.OWNER: "manages users and API keys too",
    PanelRole.OPERATOR: "every account, carriers and routes",
}


def roles_for(context: PageContext) -> Iterator[tuple[str, str]]:
    """Iterate over the roles that can be given here: an operator's only where no account is chosen."""
    for role, words in ROLE_WORDS.items():
        if (role is PanelRole.OPERATOR) == (context.account_id is None):
            yield role.value, f"{words}: {ROLE_HINTS[role]}"


async def show(context: PageContext) -> web.StreamResponse:
    """Show the users of the account; to operators who have chosen none, all."""
    wanted = Wanted.of("/users", context.request.query, (), "email")
    part = context.operations.list_users(
        context.actor, account_id=context.account_id, sort=wanted.sort, page=wanted.page, size=wanted.size
    )
    rows = [
        {"id": it.id, "email": it.email, "role_words": ROLE_WORDS[it.role], "blocked": it.blocked} for it in part.items
    ]
    return context.render("users/list.html", section="users", listing=Listing(part, wanted), rows=rows)


async def new(context: PageContext) -> web.StreamResponse:
    """Show an empty form."""
    return _form(context, {"email": "", "role": PanelRole.MEMBER.value, "blocked": False})


async def create(context: PageContext) -> web.StreamResponse:
    """Add a user, and show the password once."""
    email, role = context.text("email").strip(), context.text("role")
    try:
        user, password = await context.operations.create_user(
            context.actor, email, _role(role), account_id=context.account_id
        )
    except RuleViolated as error:
        return _form(context, {"email": email, "role": role}, problems=by_field(error), status=422)
    return _shown_once(context, "User added", user, password or "")


async def edit(context: PageContext) -> web.StreamResponse:
    """Show a user's form."""
    user, version = context.operations.user(context.actor, context.request.match_info["id"])
    return _form(context, {"email": user.email, "role": user.role.value, "blocked": user.blocked}, user, version)


async def update(context: PageContext) -> web.StreamResponse:
    """Save role and state of a user."""
    user, version = context.operations.user(context.actor, context.request.match_info["id"])
    role, blocked, status = context.text("role"), context.checked("blocked"), 422
    try:
        await context.operations.update_user(
            context.actor, user.id, role=_role(role), blocked=blocked, expected_version=expected_version(context)
        )
    except RuleViolated as error:
        problems, version = by_field(error), expected_version(context)
    except Conflict as error:
        problems, status = {"version": [str(error)]}, 409
    else:
        context.flash("good", f"{user.email} has been saved.")
        return go_to(context, "/users")
    return _form(context, {"email": user.email, "role": role, "blocked": blocked}, user, version, problems, status)


async def ask_reset(context: PageContext) -> web.StreamResponse:
    """Ask before a user gets a new password."""
    user, _ = context.operations.user(context.actor, context.request.match_info["id"])
    return _question(context, user, "Reset password", "This user gets a new password, which is shown to you once:")


async def reset(context: PageContext) -> web.StreamResponse:
    """Give a user a new password, and show it once."""
    user, _ = context.operations.user(context.actor, context.request.match_info["id"])
    return _shown_once(context, "New password", user, await context.operations.reset_password(context.actor, user.id))


async def ask_delete(context: PageContext) -> web.StreamResponse:
    """Ask before a user is removed."""
    user, _ = context.operations.user(context.actor, context.request.match_info["id"])
    return _question(context, user, "Delete user", "This user will be deleted permanently:")


async def delete(context: PageContext) -> web.StreamResponse:
    """Remove a user."""
    user, _ = context.operations.user(context.actor, context.request.match_info["id"])
    try:
        await context.operations.delete_user(context.actor, user.id)
    except RuleViolated as error:
        question = "This user will be deleted permanently:"
        return _question(context, user, "Delete user", question, by_field(error), 422)
    context.flash("good", f"{user.email} has been deleted.")
    return go_to(context, "/users")


def _role(text: str) -> PanelRole:
    known = choice(text, PanelRole)
    if not known:
        raise RuleViolated([("role", "choose a role")])
    return PanelRole(known)


def _form(
    context: PageContext,
    form: dict[str, object],
    user: PanelUser | None = None,
    version: int = 0,
    problems: Problems | None = None,
    status: int = 200,
) -> web.Response:
    roles = list(roles_for(context))
    if user is not None:  # people stay in their account, and operators outside of all
        operator = user.role is PanelRole.OPERATOR
        roles = [
            (role.value, f"{words}: {ROLE_HINTS[role]}")
            for role, words in ROLE_WORDS.items()
            if (role is PanelRole.OPERATOR) == operator
        ]
    return context.render(
        "users/form.html",
        status=status,
        section="users",
        form=form,
        user=user and {"id": user.id, "email": user.email, "version": version},
        roles=roles,
        problems=problems or {},
    )


def _question(
    context: PageContext,
    user: PanelUser,
    heading: str,
    question: str,
    problems: Problems | None = None,
    status: int = 200,
) -> web.Response:
    resets = heading == "Reset password"
    return context.render(
        "confirm.html",
        status=status,
        section="users",
        heading=heading,
        question=question,
        names=[user.email],
        consequence="Whoever is logged in as this user is logged out.",
        fields=[],
        action=f"/users/{user.id}/{'reset-password' if resets else 'delete'}",
        back="/users",
        verb="Reset" if resets else "Delete",
        icon_name="refresh" if resets else "trash",
        problems=problems or {},
    )


def _shown_once(context: PageContext, heading: str, user: PanelUser, password: str) -> web.Response:
    return context.render(
        "shown_once.html",
        section="users",
        heading=heading,
        about=user.email,
        label="Password",
        secret=password,
        back="/users",
    )


PAGES = (
    Page("GET", "/users", show),
    Page("GET", "/users/new", new, Permission.MANAGE_ACCESS),
    Page("POST", "/users", create, Permission.MANAGE_ACCESS),
    Page("GET", "/users/{id}/edit", edit, Permission.MANAGE_ACCESS),
    Page("POST", "/users/{id}/edit", update, Permission.MANAGE_ACCESS),
    Page("GET", "/users/{id}/reset-password", ask_reset, Permission.MANAGE_ACCESS),
    Page("POST", "/users/{id}/reset-password", reset, Permission.MANAGE_ACCESS),
    Page("GET", "/users/{id}/delete", ask_delete, Permission.MANAGE_ACCESS),
    Page("POST", "/users/{id}/delete", delete, Permission.MANAGE_ACCESS),
)
