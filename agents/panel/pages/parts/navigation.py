"""Where the browser goes next: on after a form, and to the list of accounts before a page that is about one."""

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from agents.panel.operations.entries.paging import Paging
from agents.panel.page import PageContext, local_path

LOCATION_HEADER: Final = "X-Location"
"""Tells dialogs.js which page to show next; a redirect would be followed before a script sees it."""


def go_to(context: PageContext, path: str) -> web.Response:
    """Lead the browser on: after a form with a redirect, from inside a dialog with a header."""
    if context.fragment:
        return web.Response(status=204, headers={LOCATION_HEADER: local_path(path)})
    return context.redirect(path)


def way_back(context: PageContext, path: str) -> str:
    """Return the list at `path` as the browser has left it, with its filter, order and page; else the plain list.

    A page that was opened from the list is told so by its Referer, and its form carries it along as `back`.
    """
    referer = urlsplit(context.request.headers.get("Referer", ""))
    came_from = f"{referer.path}?{referer.query}" if referer.netloc == context.request.host else ""
    for wanted in (context.text("back"), came_from):
        if local_path(wanted).rstrip("?").partition("?")[0] == path:
            return local_path(wanted).rstrip("?")
    return path


def need_account(context: PageContext) -> str:
    """Return the account to show. An operator who has chosen none is led to the list, unless there is only one."""
    if context.account_id is not None and context.account is not None:
        return context.account_id
    only = context.operations.accounts.list(context.actor, paging=Paging(size=2))
    if only.total == 1:
        context.choose_account(only.items[0].id)
        return only.items[0].id
    context.flash("info", "Choose the account to work in.")
    raise web.HTTPSeeOther("/accounts")
