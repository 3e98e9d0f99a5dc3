"""One running system and one browser for all tests of the panel; both end with them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests import systems
from tests.e2e.browser import chromium_or_skip, log_in, new_page, running_browser
from tests.e2e.panel import OperatorClient


@pytest.fixture(scope="package")
def panel_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A running system, for those that have a browser."""
    chromium_or_skip()
    with systems.running_system(tmp_path_factory.mktemp("panel")) as ready:
        yield ready


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser(panel_system: dict[str, Any]) -> AsyncIterator[Browser]:
    """One browser process; every test has a fresh profile in it."""
    async with running_browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(panel_system: dict[str, Any]) -> AsyncIterator[OperatorClient]:
    """The system as programs see it."""
    async with OperatorClient(panel_system) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def owner(browser: Browser, panel_system: dict[str, Any]) -> AsyncIterator[Page]:
    """The demo account's owner, logged in."""
    people = panel_system["panel"]
    async with new_page(browser, panel_system["panel_url"]) as page:
        await log_in(page, people["owner_username"], people["owner_password"])
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def operator(browser: Browser, panel_system: dict[str, Any]) -> AsyncIterator[Page]:
    """The operator, logged in and working in the demo account."""
    people = panel_system["panel"]
    async with new_page(browser, panel_system["panel_url"]) as page:
        await log_in(page, people["username"], people["password"])
        await page.goto("/accounts")
        await (
            page.get_by_role("row", name="Demo")
            .get_by_role("button", name="Switch")
            .or_(page.get_by_text("Working in it"))
            .first.click()
        )
        yield page
