"""Delivery receipts: what a carrier posts back some time after it has taken a segment."""

import asyncio
import heapq
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, NamedTuple

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from pydantic import BaseModel, ConfigDict, Field

from agents.simulator.numbers import Planned
from agents.simulator.requests import parsed

MAX_WAITING: Final = 100_000  # a carrier may lose receipts, but not its memory
MAX_ATTEMPTS: Final = 10
RETRY_SECONDS: Final = 1.0
CONCURRENCY: Final = 32
TIMEOUT_SECONDS: Final = 10.0

log = structlog.get_logger(__name__)


class ReceiptPolicy(BaseModel):
    """Whether receipts are posted, when, and what they say (`stat:` words of SMPP 3.4 appendix B)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    status: Literal[
        "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD", "SKIPPED"
    ] = "DELIVRD"
    delay_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 10
    enabled: bool = True


class Receipt(NamedTuple):
    """One receipt on its way."""

    url: str
    id: str
    segment_id: str
    message_id: str
    status: str
    error: str | None = None


class Receipts:
    """Posts receipts when they are due; one that is not taken with a 2xx is tried again, a few times."""

    def __init__(self) -> None:
        self.policy = ReceiptPolicy()
        self._due: list[tuple[float, int, int, Receipt]] = []  # time, order, attempt
        self._order = 0
        self._changed = asyncio.Event()

    def expect(
        self, url: str, carrier_id: str, segment_id: str, message_id: str, planned: Sequence[Planned] | None = None
    ) -> None:
        """Post receipts for an accepted segment to `url`, if receipts are on: those `planned`, else the policy's."""
        policy = self.policy
        if not policy.enabled:
            return
        for status, error, delay_ms in (Planned(policy.status),) if planned is None else planned:
            receipt = Receipt(url, carrier_id, segment_id, message_id, status, error)
            self._wait(receipt, 1, (policy.delay_ms if delay_ms is None else delay_ms) / 1000)

    def _wait(self, receipt: Receipt, attempt: int, delay_seconds: float) -> None:
        if len(self._due) >= MAX_WAITING:
            log.warning("receipt_lost", segment_id=receipt.segment_id, reason="too many waiting")
            return
        self._order += 1
        due = asyncio.get_running_loop().time() + delay_seconds
        heapq.heappush(self._due, (due, self._order, attempt, receipt))
        self._changed.set()

    async def run(self) -> None:
        """Post until cancelled."""
        timeout = ClientTimeout(total=TIMEOUT_SECONDS)
        async with ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as posts:
            room = asyncio.Semaphore(CONCURRENCY)
            while True:
                _, _, attempt, receipt = await self._next()
                await room.acquire()
                post = posts.create_task(self._post(session, receipt, attempt))
                post.add_done_callback(lambda _: room.release())

    async def _next(self) -> tuple[float, int, int, Receipt]:
        while True:
            self._changed.clear()
            now = asyncio.get_running_loop().time()
            if self._due and self._due[0][0] <= now:
                return heapq.heappop(self._due)
            try:
                async with asyncio.timeout(self._due[0][0] - now if self._due else None):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _post(self, session: ClientSession, receipt: Receipt, attempt: int) -> None:
        body = {
            "id": receipt.id,
            "segment_id": receipt.segment_id,
            "message_id": receipt.message_id,
            "status": receipt.status,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            **({} if receipt.error is None else {"error": receipt.error}),
        }
        try:
            async with session.post(receipt.url, json=body, allow_redirects=False) as response:
                problem = None if response.status < 300 else f"status {response.status}"
        except (ClientError, TimeoutError, OSError, ValueError) as error:  # ValueError: a URL that is none
            problem = repr(error)
        if problem is None:
            return
        if attempt < MAX_ATTEMPTS:
            self._wait(receipt, attempt + 1, RETRY_SECONDS)
        else:
            log.warning("receipt_lost", segment_id=receipt.segment_id, reason=problem)


def routes(receipts: Receipts) -> list[web.RouteDef]:
    """Return `PUT /receipts`."""

    async def put(request: web.Request) -> web.Response:
        receipts.policy = await parsed(request, ReceiptPolicy)
        return web.json_response(receipts.policy.model_dump())

    return [web.put("/receipts", put)]
