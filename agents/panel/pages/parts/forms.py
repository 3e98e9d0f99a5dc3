"""What a form that was posted says: values that make sense, and problems by field."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from agents.panel.page import PageContext
from pipeline.errors import BrokerError, BrokerUnreachable, RuleViolated
from schemas.address import MSISDN

NO_VERSION: Final = -2
"""A version that no entry has."""

Problems = dict[str, list[str]]
"""What is wrong, by the name of the field that it is shown beside."""

_INDEXED: Final = re.compile(r"/[0-9]+(/[a-z_]+)?$")
_LIBRARY: Final = re.compile(r"^(String|Input|Value) should ")
# Between the digits of a number: spaces of all kinds, brackets, dots, hyphens and strokes; a plus before them.
_AROUND_DIGITS: Final = re.compile(r"^\+|[\s()\[\]./\u2010-\u2015\u2212-]")
_TRUNK_ZERO: Final = re.compile(r"(?<=\d)\s*\(0\)|(?<=\d\s)\(0\)")  # +44 (0)20: dialled inside the country alone
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


def unsaved(error: BrokerError) -> Problems:
    """Return what to say above a form whose input the broker has not taken in time."""
    doubt = (
        "nothing has been saved"
        if isinstance(error, BrokerUnreachable)
        else "what you entered may or may not be in force"
    )
    return {"": [f"The message broker does not answer: {doubt}. Your input is still here; try again in a moment."]}


def phone_digits(text: str) -> str:
    """Return a phone number as people write it, `+1 (555) 123-4567`, in digits; what is none is only stripped."""
    written = text.strip()
    digits = _AROUND_DIGITS.sub("", _TRUNK_ZERO.sub("", written))
    digits = digits.removeprefix("00") if written.startswith("00") else digits
    return digits if MSISDN.fullmatch(digits) and digits.isascii() else written


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


def refuse(problems: Problems, rest: Callable[[], Iterable[tuple[str, str]]] = tuple) -> None:
    """Raise `RuleViolated` when there are problems, with what is wrong with the `rest` of the form."""
    if problems:
        raise RuleViolated([*((field, text) for field, texts in problems.items() for text in texts), *rest()])
