"""Users: who can log in, as what; passwords are made here and shown once."""

from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import ROLE_WORDS, Permission
from agents.panel.operations.people.users import email_problems
from agents.panel.page import Page, PageContext
from agents.panel.pages.access.roles import chosen_role, offered_roles
from agents.panel.pages.access.shown_once import shown_once
from agents.panel.pages.parts.confirmation import confirmation
from agents.panel.pages.parts.entry_pages import EditablePages, Edited, Fields
from agents.panel.pages.parts.listing import ListPage
from agents.panel.pages.parts.navigation import way_back
from agents.panel.pages.parts.words import utc
from schemas.directory.people import PanelRole, PanelUser

LABELS: Final = {"email": "Email", "role": "Role"}
INVITATION, PASSWORD = "invitation", "password"
WAYS_IN: Final = (
    (INVITATION, "An invitation link: they choose their own password"),
    (PASSWORD, "A password that is made and shown to you once"),
)


class UserPages(EditablePages):
    """The pages of users."""

    listed = ListPage("/users", "users", "users/list.html", sort="email")
    group = "Access"
    title = "Users"
    noun = "user"
    form_template = "users/form.html"
    labels = LABELS
    see = Permission.SEE
    change = Permission.MANAGE_ACCESS
    consequence = "Whoever is logged in as this user is logged out."

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show the users of the account; to operators who have chosen none, all."""
        query = self.listed.query(context)
        part = context.operations.users.list(context.actor, account_id=context.account_id, paging=query.paging)
        return self.listed.render(context, query, part, lambda it: _row(it, context), kind=self)

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {"email": "", "role": PanelRole.MEMBER.value, "blocked": False, "way_in": INVITATION}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        return {
            "email": context.text("email").strip(),
            "role": context.text("role"),
            "blocked": context.checked("blocked"),
            "way_in": context.text("way_in", INVITATION),
        }

    def offered(self, context: PageContext, edited: Edited | None) -> dict[str, Any]:
        """Return the roles that can be chosen, and the user that is edited."""
        if edited is None:
            roles = offered_roles(of_operators=context.account_id is None)
            return {"roles": roles, "email": None, "ways_in": WAYS_IN}
        user = _user(context, edited.id)  # who stays in the account, and an operator outside of all
        return {"roles": offered_roles(of_operators=user.role is PanelRole.OPERATOR), "email": user.email}

    async def add(self, context: PageContext) -> web.Response:
        """Add a user, and show the invitation or the password once."""
        email = context.text("email").strip()
        role = chosen_role(context.text("role"), lambda: email_problems(email))
        users = context.operations.users
        if context.text("way_in") == PASSWORD:
            user, password = await users.create(context.actor, email, role, account_id=context.account_id)
            return _password(context, "User added", user, password)
        user, token = await users.invite(context.actor, email, role, account_id=context.account_id)
        return shown_once(
            context,
            section="users",
            heading="User invited",
            about=f"{user.email} chooses a password there, within 7 days",
            label="Invitation link",
            secret=f"{context.origin}/invitation/{token}",
            back=way_back(context, "/users"),
        )

    def saved(self, context: PageContext, identity: str) -> tuple[Fields, int]:
        """Return role and state of a user, and its version."""
        user, version = context.operations.users.get(context.actor, identity)
        return {"email": user.email, "role": user.role.value, "blocked": user.blocked}, version

    async def save(self, context: PageContext, identity: str, version: int) -> str:
        """Save role and state of a user."""
        user, role = _user(context, identity), chosen_role(context.text("role"))
        await context.operations.users.update(
            context.actor, identity, role=role, blocked=context.checked("blocked"), expected_version=version
        )
        return f"{user.email} has been saved."

    def name_of(self, context: PageContext, identity: str) -> str:
        """Return the email address."""
        return _user(context, identity).email

    async def remove(self, context: PageContext, identity: str) -> str:
        """Remove a user."""
        user = _user(context, identity)
        await context.operations.users.delete(context.actor, identity)
        return f"{user.email} has been deleted."


async def ask_reset(context: PageContext) -> web.StreamResponse:
    """Ask before a user gets a new password."""
    user = _user(context, context.request.match_info["id"])
    return confirmation(
        context,
        section="users",
        heading="Reset password",
        question="This user gets a new password, which is shown to you once:",
        names=[user.email],
        consequence=UserPages.consequence,
        action=f"/users/{user.id}/reset-password",
        back=way_back(context, "/users"),
        verb="Reset",
        icon="refresh",
    )


async def reset(context: PageContext) -> web.StreamResponse:
    """Give a user a new password, and show it once."""
    user = _user(context, context.request.match_info["id"])
    password = await context.operations.users.reset_password(context.actor, user.id)
    return _password(context, "New password", user, password)


def _row(user: PanelUser, context: PageContext) -> dict[str, object]:
    return {
        "id": user.id,
        "email": user.email,
        "role_words": ROLE_WORDS[user.role],
        "blocked": user.blocked,
        "second_factor": user.second_factor is not None,
        "is_invited": user.invitation is not None,
        "last_used": utc(context.operations.last_uses.of("user", user.id)),
    }


def _user(context: PageContext, identity: str) -> PanelUser:
    return context.operations.users.get(context.actor, identity)[0]


def _password(context: PageContext, heading: str, user: PanelUser, password: str) -> web.Response:
    return shown_once(
        context,
        section="users",
        heading=heading,
        about=user.email,
        label="Password",
        secret=password,
        back=way_back(context, "/users"),
    )


PAGES = (
    *UserPages().pages(),
    Page("GET", "/users/{id}/reset-password", ask_reset, Permission.MANAGE_ACCESS),
    Page("POST", "/users/{id}/reset-password", reset, Permission.MANAGE_ACCESS),
)
