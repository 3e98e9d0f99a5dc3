"""What a query asks of the message log: filters, the size of a page and where it begins, alike in both APIs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from pipeline.errors import Refused
from pipeline.message_log.reading.message import LogState
from pipeline.message_log.reading.search import MAX_SIZE, MAX_VALUES, Cursor, Search
from schemas.messages.labels import MAX_REFERENCE_LENGTH

DEFAULT_SIZE: Final = 50
MAX_CHARACTERS: Final = 64
"""Of one value."""


class BadParameter(Exception):
    """A query parameter that makes no sense; `parameter` names it."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """What is asked for."""

    search: Search
    size: int = DEFAULT_SIZE
    after: Cursor | None = None


def read_query(given: Mapping[str, str], search: Search, *, by_trunk: bool = False) -> MessageQuery:
    """Return what a query asks for within `search`; `by_trunk`: trunks may be chosen.

    Raises `BadParameter` for what is unknown or makes no sense.
    """
    query = MessageQuery(search)
    for parameter, text in given.items():
        if parameter == "page[size]":
            if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_SIZE):
                raise BadParameter(parameter, f"must be a number from 1 to {MAX_SIZE}")
            query = replace(query, size=int(text))
        elif parameter == "page[after]":
            try:
                query = replace(query, after=Cursor.parse(text))
            except Refused as error:
                raise BadParameter(parameter, str(error)) from None
        elif parameter in FILTERS and (by_trunk or parameter != "filter[trunk_id]"):
            name, read = FILTERS[parameter]
            try:
                value: Any = read(text)
                query = replace(query, search=replace(query.search, **{name: value}))
            except ValueError as error:
                raise BadParameter(parameter, str(error)) from None
        else:
            raise BadParameter(parameter, "is not a known parameter")
    return query


def values(text: str) -> tuple[str, ...]:
    """Return what a list separated by commas or spaces names. Raises `ValueError` for nothing, or too much."""
    found = tuple(dict.fromkeys(text.replace(",", " ").split()))
    if not found:
        raise ValueError("names nothing")
    if len(found) > MAX_VALUES:
        raise ValueError(f"names more than {MAX_VALUES} values")
    if any(len(it) > MAX_CHARACTERS or "\0" in it for it in found):
        raise ValueError(f"has a value of more than {MAX_CHARACTERS} characters")
    return found


def labels(text: str) -> tuple[str, ...]:
    """Return what a list separated by commas names, and the whole text, for one may have a comma in it.

    Raises `ValueError` for nothing, or too much.
    """
    parts = [part.strip() for part in text.split(",")]
    if not any(parts):
        raise ValueError("names nothing")
    if len(parts) > MAX_VALUES:
        raise ValueError(f"names more than {MAX_VALUES} values")
    if any(len(it) > MAX_REFERENCE_LENGTH or "\0" in it for it in parts):
        raise ValueError(f"has a value of more than {MAX_REFERENCE_LENGTH} characters")
    return tuple(dict.fromkeys(it for it in (text.strip(), *parts) if it))


def states(text: str) -> tuple[str, ...]:
    """Return states; their names may be in any case, and have spaces. Raises `ValueError` for an unknown one."""
    known = {it.value.casefold(): it.value for it in LogState}
    names = [it.strip().casefold() for it in text.split(",") if it.strip()]
    if not names or any(it not in known for it in names):
        raise ValueError(f"must be some of {', '.join(it.value for it in LogState)}, separated by commas")
    return tuple(dict.fromkeys(known[it] for it in names))


def moment_of(text: str) -> datetime:
    """Return a time in ISO 8601, UTC unless it says. Raises `ValueError`."""
    try:
        found = datetime.fromisoformat(text)
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time like 2026-11-22T18:00:00Z") from None
    if not 1970 <= found.year < 9000:
        raise ValueError("is too far away")
    return found


def _numbers(text: str) -> tuple[int, ...]:
    found = values(text)
    if not all(it.isascii() and it.isdigit() and len(it) <= 9 for it in found):
        raise ValueError("must be numbers")
    return tuple(int(it) for it in found)


FILTERS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "filter[since]": ("since", moment_of),
    "filter[until]": ("until", moment_of),
    "filter[source]": ("sources", values),
    "filter[source_contains]": ("sources_containing", values),
    "filter[destination]": ("destinations", values),
    "filter[destination_contains]": ("destinations_containing", values),
    "filter[client_reference]": ("client_references", labels),
    "filter[tags]": ("tags", labels),
    "filter[campaign_id]": ("campaign_ids", values),
    "filter[bulk_id]": ("bulk_ids", values),
    "filter[status]": ("states", states),
    "filter[delivery_status]": ("delivery_statuses", values),
    "filter[code_id]": ("code_ids", _numbers),
    "filter[trunk_id]": ("trunk_ids", values),
}
"""Parameters, the attribute of a search that each is, and how it is read."""
