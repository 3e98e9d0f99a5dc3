"""Two running systems and a browser for many tests, with which they end.

Files that share a system are in `SHARING` of tests/scheduling.py, so that one worker has them all.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests import systems
from tests.e2e.browser import chromium_or_skip, log_in, new_page, running_browser
from tests.e2e.panel import OperatorClient


@pytest.fixture(scope="package")
def shared_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A running system, which other tests have used; it calls back all that is on this machine. Bring a trunk."""
    everywhere = {"SMSOUT_CALLBACK_ALLOWED_ADDRESSES": "127.0.0.0/8"}
    with systems.running_system(tmp_path_factory.mktemp("shared"), environment=everywhere) as ready:
        yield ready


@pytest.fixture(scope="package")
def demo_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """One that has no other trunk than the demo's, ever; clear ledger and inbox before you use it."""
    with systems.running_system(tmp_path_factory.mktemp("demo")) as ready:
        yield ready


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser process, for those that have one; every test has a fresh profile in it."""
    chromium_or_skip()
    async with running_browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(shared_system: dict[str, Any]) -> AsyncIterator[OperatorClient]:
    """The system as programs see it."""
    async with OperatorClient(shared_system) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def owner(browser: Browser, shared_system: dict[str, Any]) -> AsyncIterator[Page]:
    """The demo account's owner, logged in."""
    people = shared_system["panel"]
    async with new_page(browser, shared_system["panel_url"]) as page:
        await log_in(page, people["owner_username"], people["owner_password"])
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def operator(browser: Browser, shared_system: dict[str, Any]) -> AsyncIterator[Page]:
    """The operator, logged in and working in the demo account."""
    people = shared_system["panel"]
    async with new_page(browser, shared_system["panel_url"]) as page:
        await log_in(page, people["username"], people["password"])
        await page.goto("/accounts")
        await (
            page.get_by_role("row", name="Demo")
            .get_by_role("button", name="Switch")
            .or_(page.get_by_text("Working in it"))
            .first.click()
        )
        yield page
