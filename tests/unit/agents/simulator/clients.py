"""A simulator behind a real local server, and what tests say to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agents.simulator.app import Simulator
from agents.simulator.settings import SimulatorSettings

Client = TestClient[web.Request, web.Application]

SEGMENT: dict[str, object] = {
    "segment_id": "0190a1b2-0000-7000-8000-000000000001:1",
    "message_id": "0190a1b2-0000-7000-8000-000000000001",
    "source": "12125551234",
    "destination": "15551234567",
    "data_coding": 0,
    "udh": "050003000201",
    "text": "Grüße, Ω€",
}


@asynccontextmanager
async def running(settings: SimulatorSettings | None = None) -> AsyncIterator[Client]:
    """Start a simulator and its background work; give a client for it."""
    simulator = Simulator(settings or SimulatorSettings())
    work = [asyncio.create_task(simulator.ledger.run()), asyncio.create_task(simulator.receipts.run())]
    try:
        async with TestClient(TestServer(simulator.app())) as client:
            yield client
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        simulator.ledger.close()


async def send(client: Client, key: str | None = None, **changes: object) -> tuple[int, dict[str, Any]]:
    """POST a segment; return status and body of the answer."""
    headers = {} if key is None else {"Idempotency-Key": key}
    async with client.post("/carrier/segments", json=SEGMENT | changes, headers=headers) as answer:
        return answer.status, await answer.json()


async def get(client: Client, path: str) -> Any:
    """GET JSON."""
    async with client.get(path) as answer:
        assert answer.status == 200
        return await answer.json()


async def put(client: Client, path: str, body: object) -> int:
    """PUT JSON; return the status."""
    async with client.put(path, json=body) as answer:
        return answer.status
