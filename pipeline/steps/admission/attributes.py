"""Step 1, admission: the attributes of a request one by one, of a message and of one of several alike."""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

_MAX_UNKNOWN_LISTED: Final = 20
_MAX_NAME_SHOWN: Final = 64


class Problem(NamedTuple):
    """One thing that is wrong. `pointer` (RFC 6901) leads to it from the attributes, `/destination/3`."""

    pointer: str
    detail: str


def required_text(attributes: Mapping[str, object], name: str, problems: list[Problem]) -> str:
    """Return a required string, or "" after noting why there is none."""
    value = attributes.get(name)
    if isinstance(value, str) and value:
        return value
    if name not in attributes:
        detail = f"{name} is missing"
    elif value == "":
        detail = f"{name} must not be empty"
    else:
        detail = f"{name} must be a string"
    problems.append(Problem(f"/{name}", detail))
    return ""


def list_unknown(attributes: Mapping[str, object], known: Collection[str], problems: list[Problem]) -> None:
    """Note every attribute that is not `known`, up to a bound."""
    unknown = [name for name in attributes if name not in known]
    for name in unknown[:_MAX_UNKNOWN_LISTED]:
        shown = name[:_MAX_NAME_SHOWN]
        shown = shown if shown.isprintable() else ascii(shown)[1:-1]
        pointer = shown.replace("~", "~0").replace("/", "~1")
        problems.append(Problem(f"/{pointer}", f"{shown} is not a known attribute"))
    if len(unknown) > _MAX_UNKNOWN_LISTED:
        problems.append(Problem("", f"{len(unknown) - _MAX_UNKNOWN_LISTED} more attributes are not known"))
