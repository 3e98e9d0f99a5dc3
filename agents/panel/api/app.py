"""The API's front: who is calling, what they sent, and which route takes it."""

import asyncio
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from aiohttp import web

from agents.panel.api.call import BadQuery, BeginsWithMark, Call, Reply, expected_version
from agents.panel.api.errors import errors, explain, not_acceptable
from agents.panel.api.jsonapi import json_response
from agents.panel.api.openapi.document import openapi_json
from agents.panel.api.resources import ROUTES
from agents.panel.api.route import ApiRoute
from agents.panel.operations.actor import Actor
from agents.panel.operations.operations import Operations
from agents.serving.errors import MEDIA_TYPE
from agents.serving.head import is_acceptable, transfer_problem
from pipeline.http.client_address import Networks, client_address

READ_TIMEOUT_SECONDS: Final = 30.0
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="smsout"'}

log = structlog.get_logger(__name__)


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
        return errors(error.status, [("", error.reason)], headers)

    def _handler(self, route: ApiRoute) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await self._respond(request, route)
            except (asyncio.CancelledError, ConnectionError):
                raise
            except Exception as error:  # whatever it is, the caller gets a document
                response = explain(error, route.pointers)
                if response.status == 500:
                    log.error("api_call_failed", path=request.path[:100], error=repr(error), exc_info=error)
                return response

        return handle

    async def _respond(self, request: web.Request, route: ApiRoute) -> web.StreamResponse:
        actor = self._actor(request)
        if actor is None:
            return errors(401, [("", "The API key is missing, unknown or revoked.")], _CHALLENGE)
        actor.must(route.permission)
        if (in_transfer := transfer_problem(request.headers, request.version)) is not None:
            status, detail = in_transfer
            return errors(status, [("", f"{detail[0].upper()}{detail[1:]}.")], {"Connection": "close"})
        if not is_acceptable(request.headers):
            return not_acceptable()
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
            return errors(409, [("/data/id", "is not the id in the path")])
        return _response(await route.handler(call))

    def _actor(self, request: web.Request) -> Actor | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        forwarded = request.headers.getall("X-Forwarded-For", ())
        address = client_address(request.remote, forwarded, self._trusted_proxies)
        return self._operations.api_keys.authenticate(token.strip(" "), str(address) if address else None)

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
        if body.startswith((BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE)):
            raise BeginsWithMark
        return await asyncio.to_thread(route.takes.validate_json, body)


def _unrepeated(request: web.Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query.items():
        if name in found:
            raise BadQuery(name, "is there more than once")
        found[name] = value
    return found


def _response(reply: Reply) -> web.Response:
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
    return json_response(reply.status, document, headers)


async def _openapi(_: web.Request) -> web.Response:
    return web.Response(body=openapi_json(), headers={"Content-Type": "application/json"})
