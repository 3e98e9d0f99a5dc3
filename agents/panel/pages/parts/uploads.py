"""A CSV file that is imported: all of it, or none; and what is wrong with it, line by line."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from agents.panel.page import PageContext
from agents.panel.pages.parts.forms import unsaved
from agents.panel.pages.parts.navigation import need_account
from pipeline.errors import BrokerError, RuleViolated

Lines = list[tuple[str, str]]
"""Problems: the number of a line, empty for the whole file, and what is wrong there."""

Import = Callable[[PageContext, str, str], Awaitable[str]]
"""Imports a text into an account; returns what is said then. Raises `RuleViolated` and `BrokerError`."""


@dataclass(frozen=True, slots=True)
class ImportPage:
    """The form of one kind's import, and what is done with what it brings. Words are for its template."""

    path: str
    section: str
    title: str
    noun: str
    about: str
    example: str
    take: Import

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show the form."""
        need_account(context)
        return self._form(context, [], 200)

    async def receive(self, context: PageContext) -> web.StreamResponse:
        """Import the file that was chosen."""
        account_id, file = need_account(context), context.form.get("file")
        if not isinstance(file, web.FileField) or not file.filename:
            return self._form(context, [("", "Choose a file.")], 422)
        try:
            text = file.file.read().decode()
        except UnicodeDecodeError as error:
            return self._form(context, [("", f"The file is not UTF-8 text (byte {error.start + 1}).")], 422)
        try:
            words = await self.take(context, account_id, text)
        except RuleViolated as error:
            return self._form(context, [_line(where, what) for where, what in error.problems], 422)
        except BrokerError as error:
            return self._form(context, [("", text) for text in unsaved(error)[""]], 503)
        context.flash("good", words)
        return context.redirect(self.path)

    def _form(self, context: PageContext, problems: Lines, status: int) -> web.Response:
        return context.render("layouts/import.html", status=status, section=self.section, page=self, problems=problems)


def _line(where: str, what: str) -> tuple[str, str]:
    kind, _, number = where.partition(" ")
    return (number, what) if kind == "line" else ("", f"The file {what}." if where == "text" else what)
