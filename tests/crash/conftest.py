"""One arena for all crash tests, which ends with them: what idles takes time from others."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.arena.arena import Arena
from tests.brokers import running_broker


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def arena(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    """A broker that tests may kill, a simulator with its ledger, and agents that each test starts as it needs them."""
    folder = tmp_path_factory.mktemp("arena")
    with running_broker(folder) as broker:
        arena = await Arena(broker, folder).start()
        yield arena
        await arena.stop()
