"""Every error of the API in JSON:API's shape: a member for each problem, with a pointer to what is wrong."""

from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import web
from pydantic import ValidationError

from agents.panel.api.call import BadQuery, BeginsWithMark, PreconditionFailed
from agents.panel.api.jsonapi import json_response
from agents.panel.operations.errors import Conflict, Forbidden, NotFound
from agents.serving.errors import MEDIA_TYPE, member
from pipeline.errors import BrokerError, LogUnavailable, RuleViolated
from schemas.address import pattern_problem

MAX_ERRORS: Final = 100

Pointed = tuple[str, str]
"""A JSON pointer (or "" for none) and a detail."""


def errors(status: int, problems: Iterable[Pointed], headers: dict[str, str] | None = None) -> web.Response:
    """Return a response with an error for each problem."""
    members = []
    for pointer, detail in problems:
        entry = member(status, detail)
        if pointer:
            entry["source"] = {"pointer": pointer}
        members.append(entry)
    return json_response(status, {"errors": members}, headers)


def not_acceptable() -> web.Response:
    """Return the response to a request whose Accept leaves no form that an answer has."""
    entry = member(406, f"Accept must allow {MEDIA_TYPE} without parameters.")
    return json_response(406, {"errors": [{**entry, "source": {"header": "Accept"}}]})


def explain(error: Exception, pointers: Mapping[str, str]) -> web.Response:
    """Return the response to an error; `pointers` lead from the attributes of operations into the request's data."""
    if isinstance(error, ValidationError):
        return _invalid(error)
    if isinstance(error, BadQuery):
        shown = error.parameter[:64]
        entry = {**member(400, f"{shown} {error}"), "source": {"parameter": shown}}
        return json_response(400, {"errors": [entry]})
    if isinstance(error, BeginsWithMark):
        return errors(400, [("", "The body is not JSON: it begins with a byte order mark (U+FEFF): leave it out.")])
    if isinstance(error, RuleViolated):
        return errors(422, [(_pointer(where, pointers), what) for where, what in error.problems[:MAX_ERRORS]])
    if isinstance(error, NotFound):
        return errors(404, [("", str(error))])
    if isinstance(error, Forbidden):
        return errors(403, [("", str(error))])
    if isinstance(error, Conflict | PreconditionFailed):
        return errors(412, [("", "If-Match does not name the version that there is now.")])
    if isinstance(error, BrokerError):
        detail = "The message broker does not answer: the change may or may not be in force."
        return errors(503, [("", detail)], {"Retry-After": "5"})
    if isinstance(error, LogUnavailable):
        if error.too_slow:
            return errors(400, [("", "The search takes too long: narrow it down, to fewer days or to one trunk.")])
        return errors(503, [("", "The message log does not answer.")], {"Retry-After": "5"})
    if isinstance(error, web.HTTPUnsupportedMediaType):
        return errors(415, [("", f"Content-Type must be {MEDIA_TYPE} without parameters.")])
    if isinstance(error, web.HTTPException):
        return errors(error.status, [("", error.reason)])
    return errors(500, [("", "Something went wrong on our side.")])


def _invalid(error: ValidationError) -> web.Response:
    found = error.errors(include_url=False, include_context=False)
    if any(part["type"] == "json_invalid" for part in found):
        return errors(400, [("", f"The body is not JSON: {found[0]['msg']}")])
    return errors(422, [(_pointer_of(part["loc"]), pattern_problem(part)) for part in found[:MAX_ERRORS]])


def _pointer(where: str, pointers: Mapping[str, str]) -> str:
    attribute, slash, rest = where.partition("/")
    pointer = pointers.get(attribute)
    return f"/data/{pointer}{slash}{rest}" if pointer else ""


def _pointer_of(location: Iterable[int | str]) -> str:
    # Names come from the request: bounded, and escaped as RFC 6901 says.
    return "".join("/" + str(part)[:64].replace("~", "~0").replace("/", "~1") for part in location)
