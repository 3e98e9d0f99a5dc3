"""A simulator behind a real local server, and its background work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest
from aiohttp.test_utils import TestClient, TestServer

from agents.simulator.app import Simulator
from agents.simulator.settings import SimulatorSettings
from tests.unit.agents.simulator.clients import Client


class Running(Protocol):
    def __call__(self, settings: SimulatorSettings | None = None) -> AbstractAsyncContextManager[Client]: ...


@asynccontextmanager
async def _running(settings: SimulatorSettings | None = None) -> AsyncIterator[Client]:
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


@pytest.fixture
def running() -> Running:
    """Starts a simulator; gives a client for it."""
    return _running


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a simulator with the default settings."""
    async with _running() as client:
        yield client
