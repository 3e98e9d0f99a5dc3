"""One call of the API, as a handler sees it, and its reply."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from agents.panel.operations.actor import Actor
from agents.panel.operations.entries.paging import FIRST_PAGE, MAX_SIZE, Slice
from agents.panel.operations.operations import Operations

MAX_NUMBER: Final = 1_000_000
_WHOLE: Final = re.compile(r"[0-9]{1,7}")
_ETAG: Final = re.compile(r'"(-?[0-9]{1,19})"')

API_VERSION: Final = "2026-11-19"


class BadQuery(Exception):
    """A query parameter that cannot be what it says; `parameter` names it."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


class PreconditionFailed(Exception):
    """If-Match names a version that the entry does not have."""


class BeginsWithMark(Exception):
    """The body begins with a byte order mark, which no JSON on the wire does (RFC 8259 section 8.1)."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a list takes: filters (`text` or `flag`), and the names that it can be sorted by."""

    filters: Mapping[str, str]
    sorts: tuple[str, ...]

    def read(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return keyword arguments for the operation. Raises `BadQuery` for what is unknown or makes no sense."""
        found: dict[str, Any] = {}
        paging = FIRST_PAGE
        for parameter, value in given.items():
            name = parameter.removeprefix("filter[").removesuffix("]")
            if parameter == f"filter[{name}]" and name in self.filters:
                found[name] = _flag(parameter, value) if self.filters[name] == "flag" else value
            elif parameter == "sort":
                if value.removeprefix("-") not in self.sorts:
                    raise BadQuery(parameter, f"must be one of {', '.join(self.sorts)}, with a minus to reverse")
                paging = replace(paging, sort=value)
            elif parameter == "page[number]":
                paging = replace(paging, number=_whole(parameter, value, MAX_NUMBER))
            elif parameter == "page[size]":
                paging = replace(paging, size=_whole(parameter, value, MAX_SIZE))
            else:
                raise BadQuery(parameter, "is not a known parameter")
        return {**found, "paging": paging}

    def described(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the parameters with their JSON Schemas."""
        found: list[tuple[str, Mapping[str, Any]]] = [
            (f"filter[{name}]", {"type": "boolean" if kind == "flag" else "string"})
            for name, kind in self.filters.items()
        ]
        found.append(("sort", {"type": "string", "enum": [sign + name for name in self.sorts for sign in ("", "-")]}))
        for name, most in (("page[number]", MAX_NUMBER), ("page[size]", MAX_SIZE)):
            found.append((name, {"type": "integer", "minimum": 1, "maximum": most}))
        return found


NO_QUERY: Final = Query({}, ())


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated call. `body` is the request's document; `expected` the version that If-Match names."""

    actor: Actor
    operations: Operations
    identity: str
    query: dict[str, Any]
    given: Mapping[str, str]
    """The query as it came."""
    body: Any
    expected: int | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler returns: `version` becomes the ETag, `location` the Location of what was created."""

    status: int
    data: Any = None
    meta: Mapping[str, Any] | None = None
    links: Mapping[str, str] | None = None
    version: int | None = None
    location: str | None = None


def listing(call: Call, path: str, part: Slice[Any], data: list[Any]) -> Reply:
    """Return a page of a list, with its count and with links that keep filters, order and size."""

    def link(number: int) -> str:
        query = {**call.given, "page[number]": str(number)}
        return f"{path}?{urlencode(query, safe='[]')}"

    links = {"self": link(part.number)}
    if part.number < part.pages:
        links["next"] = link(part.number + 1)
    if part.number > 1:
        links["prev"] = link(part.number - 1)
    return Reply(200, data, {"total_records": part.total, "api_version": API_VERSION}, links)


def expected_version(request: web.BaseRequest) -> int | None:
    """Return the version that If-Match asks for, None when any will do (RFC 9110 section 13.1.1)."""
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return None
    found = _ETAG.fullmatch(given)
    if found is None:
        raise PreconditionFailed  # a weak or foreign tag matches nothing of ours
    return int(found[1])


def _whole(parameter: str, value: str, most: int) -> int:
    if not _WHOLE.fullmatch(value) or not 1 <= int(value) <= most:
        raise BadQuery(parameter, f"must be a number from 1 to {most}")
    return int(value)


def _flag(parameter: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise BadQuery(parameter, "must be true or false")
    return value == "true"
