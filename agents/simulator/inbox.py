"""Callback inboxes: what a customer's endpoint would have received, byte for byte."""

import base64
import json
from datetime import UTC, datetime

from aiohttp import web

from agents.simulator.entries import Entries
from agents.simulator.faults import NAME_PATTERN, Faults, answer
from agents.simulator.requests import refuse, since


class Inboxes:
    """Inboxes by name. They share `max_kept_bytes`: beyond it, the fullest one loses its oldest entries."""

    def __init__(self, max_kept_bytes: int, max_inboxes: int) -> None:
        self._by_name: dict[str, Entries] = {}
        self._max_kept_bytes = max_kept_bytes
        self._max_inboxes = max_inboxes
        self._kept_bytes = 0

    def take(self, name: str, headers: dict[str, str], body: bytes) -> int:
        """Keep a POST and return its number. Raises `ValueError` when there are too many inboxes."""
        inbox = self._by_name.get(name)
        if inbox is None:
            if len(self._by_name) >= self._max_inboxes:
                raise ValueError(f"there are {self._max_inboxes} inboxes already")
            inbox = self._by_name[name] = Entries()
        entry = _rendered(inbox.count + 1, headers, body)
        inbox.append(entry)
        self._kept_bytes += len(entry)
        while self._kept_bytes > self._max_kept_bytes:
            fullest = max(self._by_name.values(), key=lambda entries: entries.kept_bytes)
            before = fullest.kept_bytes
            fullest.drop_oldest()
            self._kept_bytes -= before - fullest.kept_bytes
        return inbox.count

    def listing(self, name: str, after: int) -> bytes:
        """Return a JSON array of the inbox's entries with a number greater than `after`."""
        inbox = self._by_name.get(name)
        return b"[]" if inbox is None else inbox.listing(after)

    def count(self, name: str) -> int:
        """Return how many came in."""
        inbox = self._by_name.get(name)
        return 0 if inbox is None else inbox.count

    def clear(self, name: str) -> None:
        """Empty an inbox."""
        inbox = self._by_name.pop(name, None)
        if inbox is not None:
            self._kept_bytes -= inbox.kept_bytes


def _rendered(number: int, headers: dict[str, str], body: bytes) -> bytes:
    entry: dict[str, object] = {
        "n": number,
        "at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "headers": headers,
    }
    try:
        entry["body"] = body.decode()
    except UnicodeDecodeError:
        entry["body"] = body.decode(errors="replace")
        entry["body_base64"] = base64.b64encode(body).decode()  # what the text cannot show
    return json.dumps(entry).encode()


def routes(inboxes: Inboxes, faults: Faults) -> list[web.RouteDef]:
    """Return the routes under /inbox."""

    async def post(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        body = await request.read()
        fault = faults.strike(f"inbox/{name}")
        taken = {}
        if fault.records:
            headers: dict[str, str] = {}
            for field, value in request.headers.items():
                field = field.lower()
                headers[field] = f"{headers[field]}, {value}" if field in headers else value
            try:
                taken = {"n": inboxes.take(name, headers, body)}
            except ValueError as error:
                refuse(str(error))
        return await answer(request, fault, web.json_response(taken))

    async def listing(request: web.Request) -> web.Response:
        body = inboxes.listing(request.match_info["name"], since(request))
        return web.Response(body=body, content_type="application/json")

    async def count(request: web.Request) -> web.Response:
        return web.json_response({"count": inboxes.count(request.match_info["name"])})

    async def delete(request: web.Request) -> web.Response:
        inboxes.clear(request.match_info["name"])
        return web.Response(status=204)

    path = f"/inbox/{{name:{NAME_PATTERN}}}"
    return [web.post(path, post), web.get(path, listing), web.get(path + "/count", count), web.delete(path, delete)]
