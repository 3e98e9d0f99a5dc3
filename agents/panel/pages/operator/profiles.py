"""Carrier profiles."""

from typing import Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.operations.routing.profiles import ProfileSettings
from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.entry_pages import EditablePages, Fields
from agents.panel.pages.parts.listing import ListPage
from pipeline.carriers.profiles.shipped import shipped_names

LABELS: Final = {"id": "Name", "text": "Profile"}
BEGIN_WITH: Final = "plain-get"
"""The shipped profile that an empty form holds: the shortest."""


class ProfilePages(EditablePages):
    """The pages of profiles."""

    listed = ListPage("/profiles", "profiles", "profiles/list.html", sort="name")
    group = "Operator"
    title = "Carrier profiles"
    noun = "profile"
    form_template = "profiles/form.html"
    labels = LABELS
    see = change = Permission.OPERATE

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show the profiles, one's own first."""
        query = self.listed.query(context)
        part = context.operations.profiles.list(context.actor, paging=query.paging)
        return self.listed.render(context, query, part, kind=self)

    async def read(self, context: PageContext) -> web.StreamResponse:
        """Show a profile as it is written."""
        name = context.request.match_info["id"]
        text = context.operations.profiles.text(context.actor, name)
        return context.render("profiles/shown.html", section=self.listed.section, kind=self, name=name, text=text)

    async def new(self, context: PageContext) -> web.StreamResponse:
        """Show a form that holds a copy of a shipped profile."""
        chosen = context.request.query.get("copy", BEGIN_WITH)
        name = chosen if chosen in shipped_names() else BEGIN_WITH
        return self.form(context, {"id": "", "text": context.operations.profiles.text(context.actor, name)})

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {"id": "", "text": ""}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        name = context.request.match_info.get("id", context.text("id"))
        return {"id": name, "text": context.text("text").replace("\r\n", "\n")}

    async def add(self, context: PageContext) -> web.Response:
        """Add a profile."""
        settings = ProfileSettings(id=context.text("id").strip(), text=context.text("text").replace("\r\n", "\n"))
        profile, _ = await context.operations.profiles.create(context.actor, settings)
        return self.done(context, f"{profile.id} has been added.")

    def saved(self, context: PageContext, identity: str) -> tuple[Fields, int]:
        """Return a profile as it is, and its version."""
        profile, version = context.operations.profiles.get(context.actor, identity)
        return {"id": profile.id, "text": profile.text}, version

    async def save(self, context: PageContext, identity: str, version: int) -> str:
        """Save a profile; it is in force at once."""
        settings = ProfileSettings(text=context.text("text").replace("\r\n", "\n"))
        profile, _ = await context.operations.profiles.update(context.actor, identity, settings, version)
        return f"{profile.id} has been saved."

    def name_of(self, context: PageContext, identity: str) -> str:
        """Return its name."""
        return context.operations.profiles.get(context.actor, identity)[0].id

    async def remove(self, context: PageContext, identity: str) -> str:
        """Remove a profile; carriers that use it forbid it."""
        await context.operations.profiles.delete(context.actor, identity)
        return "The profile has been deleted."

    def pages(self) -> tuple[Page, ...]:
        """Return the pages with their addresses and permissions."""
        return (*super().pages(), Page("GET", f"{self.path}/{{id}}", self.read, self.see))


PAGES = ProfilePages().pages()
