"""A client of a simulator for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.agents.simulator.clients import Client, running


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a simulator with the default settings."""
    async with running() as client:
        yield client
