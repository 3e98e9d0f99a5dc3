"""The API's front: who is calling, what they sent, and every error in JSON:API's shape."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import structlog
from aiohttp import web
from pydantic import ValidationError

from agents.panel.api.call import BadQuery, Call, PreconditionFailed, Reply, expected_version
from agents.panel.api.openapi import openapi_json
from agents.panel.api.table import ROUTES, ApiRoute
from agents.panel.operations import Actor, Conflict, Forbidden, NotFound, Operations
from pipeline.errors import BrokerError, RuleViolated
from pipeline.http.client_address import Networks, client_address

MEDIA_TYPE: Final = "application/vnd.api+json"
READ_TIMEOUT_SECONDS: Final = 30.0
MAX_ERRORS: Final = 100
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="smsout"'}

log = structlog.get_logger(__name__)

Pointed = tuple[str, str]
"""A JSON pointer (or "" for none) and a detail."""


class Api:
    """Answers calls of the management API."""

    def __init__(self, operations: Operations, trusted_proxies: Networks) -> None:
        self._operations = operations
        self._trusted_proxies = trusted_proxies

    def add_to(self, app: web.Application) -> None:
        """Add every route of the table."""
        for route in ROUTES:
            app.router.add_route(route.method, route.path, self._handler(route))
        app.router.add_get("/v3/openapi.json", _openapi)

    async def refuse(self, error: web.HTTPException) -> web.StreamResponse:
        """Answer a path or method that is not there."""
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _errors(error.status, [("", error.reason)], headers)

    def _handler(self, route: ApiRoute) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await self._answer(request, route)
            except (asyncio.CancelledError, ConnectionError):
                raise
            except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets a document
                return _explain(error, route, request)

        return handle

    async def _answer(self, request: web.Request, route: ApiRoute) -> web.StreamResponse:
        actor = self._actor(request)
        if actor is None:
            return _errors(401, [("", "The API key is missing, unknown or revoked.")], _CHALLENGE)
        actor.must(route.permission)
        given = _unrepeated(request)
        query = route.query.read(given)
        call = Call(
            actor,
            self._operations,
            request.match_info.get("id", ""),
            query,
            given,
            await self._body(request, route),
            expected_version(request) if route.takes_if_match else None,
        )
        if route.has_identity and route.takes is not None and call.body.data.id != call.identity:
            return _errors(409, [("/data/id", "is not the id in the path")])
        return _answer(await route.handler(call))

    def _actor(self, request: web.Request) -> Actor | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        forwarded = request.headers.getall("X-Forwarded-For", ())
        address = client_address(request.remote, forwarded, self._trusted_proxies)
        return self._operations.actor_of_api_key(token.strip(" "), str(address) if address else None)

    async def _body(self, request: web.Request, route: ApiRoute) -> Any:
        if route.takes is None:
            return None
        if request.headers.get("Content-Type", "").lower() != MEDIA_TYPE:
            raise web.HTTPUnsupportedMediaType
        try:
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        return await asyncio.to_thread(route.takes.validate_json, body)


def _unrepeated(request: web.Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query.items():
        if name in found:
            raise BadQuery(name, "is there more than once")
        found[name] = value
    return found


def _answer(reply: Reply) -> web.Response:
    headers = {}
    if reply.version is not None:
        headers["ETag"] = f'"{reply.version}"'
    if reply.location is not None:
        headers["Location"] = reply.location
    if reply.status == 204:
        return web.Response(status=204, headers=headers)
    document: dict[str, Any] = {"data": reply.data}
    if reply.meta is not None:
        document["meta"] = reply.meta
    if reply.links is not None:
        document["links"] = reply.links
    return _json(reply.status, document, headers)


def _explain(error: Exception, route: ApiRoute, request: web.Request) -> web.StreamResponse:
    if isinstance(error, ValidationError):
        return _invalid(error)
    if isinstance(error, BadQuery):
        shown = error.parameter[:64]
        member = {**_error(400, f"{shown} {error}"), "source": {"parameter": shown}}
        return _json(400, {"errors": [member]})
    if isinstance(error, RuleViolated):
        return _errors(422, [(_pointer(where, route), what) for where, what in error.problems[:MAX_ERRORS]])
    if isinstance(error, NotFound):
        return _errors(404, [("", str(error))])
    if isinstance(error, Forbidden):
        return _errors(403, [("", str(error))])
    if isinstance(error, Conflict | PreconditionFailed):
        return _errors(412, [("", "If-Match does not name the version that there is now.")])
    if isinstance(error, BrokerError):
        detail = "The message broker does not answer: the change may or may not be in force."
        return _errors(503, [("", detail)], {"Retry-After": "5"})
    if isinstance(error, web.HTTPUnsupportedMediaType):
        return _errors(415, [("", f"Content-Type must be {MEDIA_TYPE} without parameters.")])
    if isinstance(error, web.HTTPException):
        return _errors(error.status, [("", error.reason)])
    log.error("api_call_failed", path=request.path[:100], error=repr(error), exc_info=error)
    return _errors(500, [("", "Something went wrong on our side.")])


def _invalid(error: ValidationError) -> web.Response:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if any(part["type"] == "json_invalid" for part in found):
        return _errors(400, [("", f"The body is not JSON: {found[0]['msg']}")])
    return _errors(422, [(_pointer_of(part["loc"]), part["msg"]) for part in found[:MAX_ERRORS]])


def _pointer(where: str, route: ApiRoute) -> str:
    attribute, slash, rest = where.partition("/")
    place = route.places.get(attribute)
    return f"/data/{place}{slash}{rest}" if place else ""


def _pointer_of(location: Iterable[int | str]) -> str:
    # Names come from the request: bounded, and escaped as RFC 6901 says.
    return "".join("/" + str(part)[:64].replace("~", "~0").replace("/", "~1") for part in location)


def _error(status: int, detail: str) -> dict[str, Any]:
    title = {
        400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
        408: "Request Timeout", 409: "Conflict", 412: "Precondition Failed", 413: "Content Too Large",
        415: "Unsupported Media Type", 422: "Unprocessable Content", 503: "Service Unavailable",
    }.get(status, "Internal Server Error" if status >= 500 else "Bad Request")  # fmt: skip
    return {"title": title, "detail": detail, "code": str(status), "status": str(status)}


def _errors(status: int, problems: Iterable[Pointed], headers: dict[str, str] | None = None) -> web.Response:
    members = []
    for pointer, detail in problems:
        member = _error(status, detail)
        if pointer:
            member["source"] = {"pointer": pointer}
        members.append(member)
    return _json(status, {"errors": members}, headers)


def _json(status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=True).encode()
    return web.Response(status=status, body=body, headers={"Content-Type": MEDIA_TYPE, **(headers or {})})


async def _openapi(_: web.Request) -> web.Response:
    return web.Response(body=openapi_json(), headers={"Content-Type": "application/json"})
