"""The pages that each kind of entry has: its list, a form to add one, a question before one goes, and a form to edit.

A kind costs a subclass that says what is its own, a template for its list and one for the fields of its form.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.operations.errors import Conflict
from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.confirmation import confirmation
from agents.panel.pages.parts.forms import Problems, by_field, expected_version, unsaved
from agents.panel.pages.parts.listing import ListPage
from agents.panel.pages.parts.navigation import go_to, need_account, way_back
from pipeline.errors import BrokerError, RuleViolated

Fields = Mapping[str, Any]
"""What a form's fields hold, by their names."""


class Edited(NamedTuple):
    """The entry that a form is about, as far as it is known without looking: its id, and the version it shows."""

    id: str
    version: int


class EntryPages(ABC):
    """List, form and deletion of one kind of entry."""

    listed: ClassVar[ListPage]
    group: ClassVar[str]
    """The group of the navigation that the list belongs to."""
    title: ClassVar[str]
    """What the list is called."""
    noun: ClassVar[str]
    """What one entry is called; `counted` where a list of them is counted in another word."""
    counted: ClassVar[str] = ""
    form_template: ClassVar[str]
    labels: ClassVar[Mapping[str, str]]
    """What the form's fields are called, by their names."""
    see: ClassVar[Permission]
    change: ClassVar[Permission]
    of_account: ClassVar[bool] = False
    """Whether it is an account's: who works in none has to choose one first."""
    add_verb: ClassVar[str] = "Add"
    remove_verb: ClassVar[str] = "Delete"
    question: ClassVar[str] = ""
    """What is asked before an entry goes; without one, whether it is to be deleted."""
    consequence: ClassVar[str] = ""

    # What is a kind's own

    @abstractmethod
    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show the list: `listed` rendered with this as its `kind`."""

    @abstractmethod
    def blank(self) -> Fields:
        """Return what an empty form holds."""

    @abstractmethod
    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds, as it was typed."""

    @abstractmethod
    async def add(self, context: PageContext) -> web.Response:
        """Make what the posted form says; return what is shown then. Raises `RuleViolated`."""

    @abstractmethod
    def name_of(self, context: PageContext, identity: str) -> str:
        """Return what people call an entry. Raises `NotFound`."""

    @abstractmethod
    async def remove(self, context: PageContext, identity: str) -> str:
        """Remove an entry; return what is said then. Raises `RuleViolated`."""

    def offered(self, context: PageContext, edited: Edited | None) -> dict[str, Any]:
        """Return what else the form's template needs, what can be chosen above all."""
        return {}

    # What all have in common

    @property
    def path(self) -> str:
        """Where the list is; the other pages are below."""
        return self.listed.path

    async def new(self, context: PageContext) -> web.StreamResponse:
        """Show an empty form."""
        if self.of_account:
            need_account(context)
        return self.form(context, self.blank())

    async def create(self, context: PageContext) -> web.StreamResponse:
        """Add an entry."""
        try:
            return await self.add(context)
        except RuleViolated as error:
            return self.form(context, self.posted(context), problems=by_field(error), status=422)
        except BrokerError as error:
            return self.form(context, self.posted(context), problems=unsaved(error), status=503)

    async def ask(self, context: PageContext) -> web.StreamResponse:
        """Ask before an entry goes."""
        return self._question(context, context.request.match_info["id"])

    async def delete(self, context: PageContext) -> web.StreamResponse:
        """Remove an entry, unless others refer to it."""
        identity = context.request.match_info["id"]
        try:
            words = await self.remove(context, identity)
        except RuleViolated as error:
            return self._question(context, identity, by_field(error), 422)
        except BrokerError as error:
            return self._question(context, identity, unsaved(error), 503)
        return self.done(context, words)

    def done(self, context: PageContext, words: str) -> web.Response:
        """Lead back to the list, and say there what has been done."""
        context.flash("good", words)
        return go_to(context, way_back(context, self.path))

    def form(
        self,
        context: PageContext,
        fields: Fields,
        edited: Edited | None = None,
        problems: Problems | None = None,
        status: int = 200,
    ) -> web.Response:
        """Return the form; `edited` is None for a new entry."""
        return context.render(
            self.form_template,
            status=status,
            section=self.listed.section,
            kind=self,
            form=fields,
            edited=edited,
            problems=problems or {},
            back=way_back(context, self.path),
            **self.offered(context, edited),
        )

    def _question(
        self, context: PageContext, identity: str, problems: Problems | None = None, status: int = 200
    ) -> web.Response:
        return confirmation(
            context,
            section=self.listed.section,
            heading=f"{self.remove_verb} {self.noun}",
            question=self.question or f"This {self.noun} will be deleted permanently:",
            names=[self.name_of(context, identity)],
            consequence=self.consequence,
            action=f"{self.path}/{identity}/delete",
            back=way_back(context, self.path),
            verb=self.remove_verb,
            problems=problems,
            status=status,
        )

    def pages(self) -> tuple[Page, ...]:
        """Return the pages with their addresses and permissions."""
        return (
            Page("GET", self.path, self.show, self.see),
            Page("GET", f"{self.path}/new", self.new, self.change),
            Page("POST", self.path, self.create, self.change),
            Page("GET", f"{self.path}/{{id}}/delete", self.ask, self.change),
            Page("POST", f"{self.path}/{{id}}/delete", self.delete, self.change),
        )


class EditablePages(EntryPages):
    """The same for a kind whose entries can be changed, each on the version that its form was made from."""

    @abstractmethod
    def saved(self, context: PageContext, identity: str) -> tuple[Fields, int]:
        """Return what the form of an entry holds as it is, and its version. Raises `NotFound`."""

    @abstractmethod
    async def save(self, context: PageContext, identity: str, version: int) -> str:
        """Save what the posted form says; return what is said then. Raises `RuleViolated` and `Conflict`."""

    async def edit(self, context: PageContext) -> web.StreamResponse:
        """Show an entry's form."""
        identity = context.request.match_info["id"]
        fields, version = self.saved(context, identity)
        return self.form(context, fields, Edited(identity, version))

    async def update(self, context: PageContext) -> web.StreamResponse:
        """Save an entry, unless somebody else has changed it since the form was opened."""
        identity, version = context.request.match_info["id"], expected_version(context)
        try:
            return self.done(context, await self.save(context, identity, version))
        except RuleViolated as error:
            problems, status = by_field(error), 422
        except BrokerError as error:
            problems, status = unsaved(error), 503
        except Conflict as error:
            _, version = self.saved(context, identity)
            problems, status = {"version": [str(error)]}, 409
        return self.form(context, self.posted(context), Edited(identity, version), problems, status)

    def pages(self) -> tuple[Page, ...]:
        """Return the pages with their addresses and permissions."""
        return (
            *super().pages(),
            Page("GET", f"{self.path}/{{id}}/edit", self.edit, self.change),
            Page("POST", f"{self.path}/{{id}}/edit", self.update, self.change),
        )
