"""The practice carrier: takes segments, keeps a ledger, honours idempotency keys.

A repeated key gets the id of the first time and no second receipt, as with a carrier that would not send the SMS
again; the POST itself is in the ledger each time, so that a test sees it.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID, uuid4, uuid5

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from agents.simulator.faults import NO_FAULT, Fault, Faults, answer
from agents.simulator.ledger import Ledger
from agents.simulator.numbers import OUTCOMES
from agents.simulator.receipts import Receipts
from agents.simulator.requests import parsed_bytes, refuse, since

MAX_REMEMBERED_KEYS: Final = 1_000_000
MAX_KEY_CHARACTERS: Final = 255
# An id made from its key is the same after a restart too.
_ID_NAMESPACE: Final = UUID("9d0f4d1c-44a1-5a0e-8f3d-7b1f6f0f2c55")


class SegmentPost(BaseModel):
    """What delivery posts: one segment. `udh` is hex; unknown attributes are left alone, they are in `body`."""

    model_config = ConfigDict(strict=True, extra="ignore")

    segment_id: Annotated[str, Field(min_length=1, max_length=255)]
    message_id: Annotated[str, Field(min_length=1, max_length=255)]
    source: Annotated[str, Field(min_length=1, max_length=32)]
    destination: Annotated[str, Field(min_length=1, max_length=32)]
    data_coding: Annotated[int, Field(ge=0, le=255)]
    udh: Annotated[str, Field(pattern=r"^([0-9a-fA-F]{2}){1,140}$")] | None = None
    text: str
    receipt_url: Annotated[str, Field(pattern=r"^https?://[\x21-\x7e]+$", max_length=2048)] | None = None


class Carrier:
    """Accepts POSTs into `ledger`."""

    def __init__(self, ledger: Ledger, receipts: Receipts) -> None:
        self.ledger = ledger
        self._receipts = receipts
        self._taken: dict[str, None] = {}  # keys of accepted POSTs, oldest first
        self._receipted: dict[str, None] = {}  # keys whose receipt is under way, oldest first
        self._turned_away: dict[str, None] = {}  # keys of POSTs that were throttled once, oldest first

    async def accept(self, segment: SegmentPost, key: str | None, body: str, **also: str) -> str:
        """Record a POST, durably when the ledger has a file, and return the carrier's id for it.

        `also` is what its entry says beside.
        """
        carrier_id = str(uuid4()) if key is None else self.id_for(key)
        await self.ledger.add(_rendered(segment, key, body, also))
        if key is not None:
            self._taken[key] = None
            if len(self._taken) > MAX_REMEMBERED_KEYS:
                del self._taken[next(iter(self._taken))]
        if segment.receipt_url is not None and (key is None or _is_first(key, self._receipted)):
            fixed = OUTCOMES.get(segment.destination)
            self._receipts.expect(
                segment.receipt_url, carrier_id, segment.segment_id, segment.message_id,
                None if fixed is None else fixed.receipts,
            )  # fmt: skip
        return carrier_id

    def refusal(self, segment: SegmentPost, key: str | None) -> web.Response | None:
        """Return the answer to a segment that its number lets be refused or turned away."""
        fixed = OUTCOMES.get(segment.destination)
        if fixed is None:
            return None
        if fixed.refused is not None:
            return web.json_response({"error": "this number refuses everything"}, status=fixed.refused)
        if fixed.throttled and _is_first(segment.segment_id if key is None else key, self._turned_away):
            return web.json_response({"error": "slow down"}, status=429, headers={"Retry-After": "1"})
        return None

    def has(self, key: str) -> bool:
        """Tell whether a POST with this key has been accepted, as long as it is remembered."""
        return key in self._taken

    @staticmethod
    def id_for(key: str) -> str:
        """Return the carrier's id for every POST with this key."""
        return str(uuid5(_ID_NAMESPACE, key))

    async def clear(self) -> None:
        """Empty the ledger and forget the keys."""
        await self.ledger.clear()
        self._taken.clear()
        self._receipted.clear()
        self._turned_away.clear()


def _is_first(key: str, seen: dict[str, None]) -> bool:
    if key in seen:
        return False
    if len(seen) >= MAX_REMEMBERED_KEYS:
        del seen[next(iter(seen))]
    seen[key] = None
    return True


def _rendered(segment: SegmentPost, key: str | None, body: str, also: Mapping[str, str]) -> Callable[[int], bytes]:
    at = datetime.now(UTC).isoformat(timespec="microseconds")

    def render(number: int) -> bytes:
        entry = {
            "n": number,
            "at": at,
            "idempotency_key": key,
            "segment_id": segment.segment_id,
            "message_id": segment.message_id,
            "source": segment.source,
            "destination": segment.destination,
            "data_coding": segment.data_coding,
            "udh": segment.udh,
            "text": segment.text,
            "body": body,
            **also,
        }
        return json.dumps(entry).encode()

    return render


def routes(carrier: Carrier, faults: Faults) -> list[web.RouteDef]:
    """Return the routes under /carrier."""

    async def post(request: web.Request) -> web.Response:
        body = await request.read()
        key = request.headers.get("Idempotency-Key")
        if key is not None and not (0 < len(key) <= MAX_KEY_CHARACTERS and key.isprintable()):
            refuse(f"Idempotency-Key: must be 1 to {MAX_KEY_CHARACTERS} printable characters")
        segment = parsed_bytes(body, SegmentPost)
        fault = faults.strike("carrier")
        if fault is NO_FAULT:
            if (refusal := carrier.refusal(segment, key)) is not None:
                return refusal
            if (fixed := OUTCOMES.get(segment.destination)) is not None and fixed.answer_ms:
                fault = Fault(delay_ms=fixed.answer_ms)
        also = {"traceparent": request.headers.get("traceparent", ""), "query": request.query_string}
        named = {name: value for name, value in also.items() if value}
        taken = {"id": await carrier.accept(segment, key, body.decode(), **named)} if fault.records else {}
        return await answer(request, fault, web.json_response(taken, status=202))

    async def query(request: web.Request) -> web.Response:
        key = request.match_info["key"]
        if not carrier.has(key):
            raise web.HTTPNotFound
        return web.json_response({"id": carrier.id_for(key)})

    async def ledger(request: web.Request) -> web.Response:
        return web.Response(body=carrier.ledger.entries.listing(since(request)), content_type="application/json")

    async def count(_: web.Request) -> web.Response:
        return web.json_response({"count": carrier.ledger.entries.count})

    async def delete(_: web.Request) -> web.Response:
        await carrier.clear()
        return web.Response(status=204)

    return [
        web.post("/carrier/segments", post),
        web.get("/carrier/segments/{key}", query),
        web.get("/carrier/ledger", ledger),
        web.get("/carrier/count", count),
        web.delete("/carrier/ledger", delete),
    ]
