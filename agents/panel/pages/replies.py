"""What the answers of several pages have in common: problems by field, the way on, the account to work in."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from aiohttp import web

from agents.panel.page import PageContext, local_path
from pipeline.errors import RuleViolated

LOCATION_HEADER: Final = "X-Location"
"""Tells dialogs.js which page to show next; a redirect would be followed before a script sees it."""
NO_VERSION: Final = -2
"""A version that no entry has."""

Problems = dict[str, list[str]]

_INDEXED: Final = re.compile(r"/[0-9]+(/[a-z_]+)?$")
_LIBRARY: Final = re.compile(r"^(String|Input|Value) should ")
_VERSION: Final = re.compile(r"[0-9]{1,18}")


def go_to(context: PageContext, path: str) -> web.Response:
    """Lead the browser on: after a form with a redirect, from inside a dialog with a header."""
    if context.fragment:
        return web.Response(status=204, headers={LOCATION_HEADER: local_path(path)})
    return context.redirect(path)


def by_field(error: RuleViolated) -> Problems:
    """Return what is wrong by form field: `allowed_ips/2` belongs to `allowed_ips`."""
    found: Problems = {}
    for where, what in error.problems:
        found.setdefault(_INDEXED.sub("", where), []).append(_plainly(what))
    return found


def _plainly(what: str) -> str:
    """Return a problem as this project puts it: what the models' library says is worded for programmers."""
    if what == "String should have at least 1 character":
        return "must not be empty"
    return _LIBRARY.sub("must ", what)


def expected_version(context: PageContext) -> int:
    """Return the version that the form was made from; a form without one never fits."""
    text = context.text("version")
    return int(text) if _VERSION.fullmatch(text) and text.isascii() else NO_VERSION


def need_account(context: PageContext) -> str:
    """Return the account to show. An operator who has chosen none is led to the list, unless there is only one."""
    if context.account_id is not None and context.account is not None:
        return context.account_id
    only = context.operations.list_accounts(context.actor, size=2)
    if only.total == 1:
        context.choose_account(only.items[0].id)
        return only.items[0].id
    context.flash("info", "Choose the account to work in.")
    raise web.HTTPSeeOther("/accounts")


def choice(wanted: str, known: Iterable[str], default: str = "") -> str:
    """Return `wanted` when it is one of the known values."""
    return wanted if wanted in set(known) else default


def whole_number(text: str, problems: Problems, field: str) -> int:
    """Return a number of a form, or note a problem and return 0."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()) and text.isascii():
        return int(text)
    problems.setdefault(field, []).append("must be a whole number")
    return 0


def utc(moment: datetime | None) -> str | None:
    """Return a time as people read it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment is not None else None


def listed(items: Sequence[str], most: int = 10) -> str:
    """Return items for a tooltip, one a line."""
    return "\n".join([*items[:most], *([f"and {len(items) - most:,} more"] if len(items) > most else [])])
