"""What a form that was posted says: values that make sense, and problems by field."""

import re
from collections.abc import Iterable
from typing import Final

from agents.panel.page import PageContext
from pipeline.errors import RuleViolated

NO_VERSION: Final = -2
"""A version that no entry has."""

Problems = dict[str, list[str]]
"""What is wrong, by the name of the field that it is shown beside."""

_INDEXED: Final = re.compile(r"/[0-9]+(/[a-z_]+)?$")
_LIBRARY: Final = re.compile(r"^(String|Input|Value) should ")
_VERSION: Final = re.compile(r"[0-9]{1,18}")


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


def choice(wanted: str, known: Iterable[str], default: str = "") -> str:
    """Return `wanted` when it is one of the known values."""
    return wanted if wanted in set(known) else default


def chosen_seconds(context: PageContext, field: str, offered: Iterable[tuple[str, str]]) -> int:
    """Return one of the offered periods, given as (seconds, words); -1, which no operation takes, for another."""
    return int(choice(context.text(field), (seconds for seconds, _ in offered), "-1"))


def whole_number(text: str, problems: Problems, field: str) -> int:
    """Return a number of a form, or note a problem and return 0."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()) and text.isascii():
        return int(text)
    problems.setdefault(field, []).append("must be a whole number")
    return 0


def optional_number(text: str, problems: Problems, field: str) -> int | None:
    """Return a number of a form, None for an empty field, or note a problem."""
    return whole_number(text, problems, field) if text.strip() else None


def refuse(problems: Problems) -> None:
    """Raise `RuleViolated` when there are problems."""
    if problems:
        raise RuleViolated([(field, text) for field, texts in problems.items() for text in texts])
