"""A real browser for the panel's tests: Debian's Chromium, driven by Playwright.

Any request that leaves this machine fails the test, as does any error that a page's script or the content security
policy reports.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Final, Literal

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    async_playwright,
    expect,
)

from tests.e2e.customer import PATIENCE_SECONDS

ARGUMENTS: Final = (
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTHS: Final = (360, 1920)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

PROGRAMS: Final = ("chromium-headless-shell", "chromium")
"""The first that is there: the shell is the same engine without a window's parts, and takes half the CPU."""

PATIENCE_MS: Final = PATIENCE_SECONDS * 1000

expect.set_options(timeout=PATIENCE_MS)

SERIOUS: Final = frozenset({"serious", "critical"})
_AXE: Final = files("axe_playwright_python").joinpath("axe.min.js")


def chromium_or_skip() -> str:
    """Return the browser's path; without it skip the test, but fail in CI, where nothing may be skipped."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        reason = "no chromium here: apt-get install --no-install-recommends chromium-headless-shell"
        if os.environ.get("CI"):
            pytest.fail(f"CI must have what every test needs: {reason}")
        pytest.skip(reason)
    return found


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Run the browser for as long as the context lasts."""
    path = chromium_or_skip()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def new_page(browser: Browser, base_url: str, **options: Any) -> AsyncIterator[Page]:
    """Open a page of a fresh profile; leaving the context fails for whatever its console complained about."""
    context: BrowserContext = await browser.new_context(
        **{"base_url": base_url, "viewport": {"width": 1280, "height": 900}, **options}
    )
    context.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # An answer of 4xx is what some tests are about; Chromium reports it as an error of the console.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def watch(request: Request) -> None:
        if not request.url.startswith((base_url, "data:", "blob:", "about:")):
            complaints.append(f"a request left for {request.url}")

    try:
        page = await context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", watch)
        yield page
    finally:
        await context.close()
    assert complaints == []


async def log_in(page: Page, email: str, password: str) -> None:
    """Log in as a person does."""
    await page.goto("/login")
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(lambda url: "/login" not in url)


async def reloaded_until(page: Page, wanted: Locator) -> None:
    """Load the page again until it has what is wanted: what it shows comes through topics, each in its own time."""
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not await wanted.count() and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.25)
        await page.reload()
    await expect(wanted.first).to_be_visible()


async def serious_findings(page: Page) -> list[str]:
    """Return what axe-core holds against the page: its serious and critical findings, one line each."""
    # Through the debugger, which the content security policy does not bind.
    await page.evaluate(_AXE.read_text())
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['impact']} {violation['id']}: {node['html'][:160]}"
        for violation in found["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


async def overflow_pixels(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    width: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return max(0, width)
