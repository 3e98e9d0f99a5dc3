"""How the pages look: at 360 and 1920 px, light and dark, full and empty; with what axe-core finds.

With SMSOUT_SCREENSHOTS set to a folder, the pictures of docs/panel.md are written there.
"""

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.e2e.browser import SCHEMES, WIDTHS, log_in, new_page, overflow_pixels, serious_findings
from tests.e2e.panel import SOURCE, OperatorClient, new_destination

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

LONG: Final = "A friendly name as long as names can be, which somebody has filled to the very last of its letters ok"[
    :100
]
WIDE: Final = "W" * 60
# What is too wide does not depend on the colours, nor a contrast on the width: each is seen once.
LOOKS = pytest.mark.parametrize(("scheme", "width"), list(zip(SCHEMES, WIDTHS, strict=True)))
PAGES: Final = (
    "/overview",
    "/overview?of=all&range=30d",
    "/sms/log",
    "/sms/log?status=Routing+Error",
    "/sms/scheduled",
    "/sms/trunks/{id}/callbacks",
    "/sms/trunks",
    "/sms/trunks?sort=-name&per_page=100",
    "/sms/trunks?name=nothing-is-called-so",
    "/sms/trunks/new",
    "/sms/trunks/{id}/edit",
    "/sms/trunks/{id}/credentials",
    "/sms/trunks/{id}/credentials/regenerate",
    "/sms/trunks/{id}/signing-secret",
    "/sms/trunks/{id}/send",
    "/sms/trunks/delete?id={id}",
    "/numbers",
    "/numbers/new",
    "/numbers/import",
    "/senders",
    "/senders/new",
    "/campaigns",
    "/campaigns/new",
    "/opt-outs",
    "/opt-outs/new",
    "/opt-outs/import",
    "/help",
    "/help/api",
    "/carriers",
    "/carriers/new",
    "/routes",
    "/routes/new",
    "/users",
    "/users/new",
    "/api-keys",
    "/api-keys/new",
    "/audit",
    "/accounts",
    "/accounts/new",
    "/password",
    "/second-factor",
    "/profiles",
    "/there-is-no-such-page",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def trunk_id(shared_system: dict[str, object]) -> AsyncIterator[str]:
    """A trunk with long values among others with short ones, and a campaign that covers it."""
    async with OperatorClient(shared_system) as client:
        made = await client.make_trunk(f"{LONG[:90]} {secrets.token_hex(4)}", sources=(SOURCE,))
        await client.make_trunk(f"{WIDE}{secrets.token_hex(4)}")
        named = {"name": f"{WIDE}{secrets.token_hex(4)}", "senders": [SOURCE]}
        related = {
            "account": {"data": {"type": "accounts", "id": client.account_id}},
            "sms_trunks": {"data": [{"type": "sms_trunks", "id": made.id}]},
        }
        campaign = {"data": {"type": "campaigns", "attributes": named, "relationships": related}}
        campaign_id = (await client.api("POST", "/v3/campaigns", campaign))["data"]["id"]
        await client.send_through(made, new_destination(), campaign_id=campaign_id)
        document = {
            "data": {
                "type": "sms_trunks",
                "id": made.id,
                "attributes": {
                    "configuration": {
                        "type": "http_out",
                        "callback_url": "https://" + "a-long-label." * 12 + "example/" + "path/" * 30,
                        "allowed_ips": ["203.0.113.0/24", "2001:db8:1234:5678:9abc:def0:1234:5678", "198.51.100.7"],
                    }
                },
            }
        }
        await client.api("PATCH", f"/v3/sms_trunks/{made.id}", document)
        yield made.id


@LOOKS
async def test_no_page_overflows_or_has_serious_findings(
    browser: Browser, client: OperatorClient, trunk_id: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    """On every page axe-core finds nothing serious, and nothing is wider than the window."""
    people, found = client.ready["panel"], []
    viewport = {"width": width, "height": 900}
    async with new_page(browser, client.panel_url, viewport=viewport, color_scheme=scheme) as page:
        await page.goto("/login")
        found += [f"/login: {finding}" for finding in await serious_findings(page)]
        await log_in(page, people["username"], people["password"])
        await choose_demo(page)
        for path in PAGES:
            await page.goto(path.format(id=trunk_id))
            if path == "/help/api":
                await page.locator("[data-drawn]").wait_for()
            found += [f"{path}: {finding}" for finding in await serious_findings(page)]
            if pixels := await overflow_pixels(page):
                found.append(f"{path}: {pixels} px too wide")
    assert found == []


async def choose_demo(page: Page) -> None:
    """Work in the demo account, and wait until its trunks are there."""
    await page.goto("/accounts?name=Demo")
    switch = page.get_by_role("button", name="Switch to Demo")
    if await switch.count():
        await switch.click()
        await expect(page.get_by_role("navigation", name="Main")).to_contain_text("Demo")
    await page.goto("/sms/trunks")
    await expect(page.get_by_role("table", name="SMS trunks")).to_be_visible()


@LOOKS
async def test_dialogs_and_menus_have_no_serious_findings(
    browser: Browser, client: OperatorClient, trunk_id: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    """The same for what opens on top of the list."""
    people, found = client.ready["panel"], []
    viewport = {"width": width, "height": 900}
    async with new_page(browser, client.panel_url, viewport=viewport, color_scheme=scheme) as page:
        await log_in(page, people["owner_username"], people["owner_password"])
        for path in ("credentials", "send"):
            await page.goto("/sms/trunks?name=" + LONG[:20])
            row = page.locator("tr", has=page.locator(f"a[href*='{trunk_id}']"))
            if path == "send":
                await row.locator("summary").click()
                found += [f"menu: {finding}" for finding in await serious_findings(page)]
            await row.locator(f"a[href$='/{path}']").click()
            dialog = page.get_by_role("dialog")
            await expect(dialog).to_be_visible()
            found += [f"{path}: {finding}" for finding in await serious_findings(page)]
            # What is cut off beneath the scrollbar's gutter makes no page wider.
            if await dialog.evaluate(
                "it => it.getBoundingClientRect().right > document.body.getBoundingClientRect().right"
            ):
                found.append(f"{path}: the dialog is cut off")
            if pixels := await overflow_pixels(page):
                found.append(f"{path}: {pixels} px too wide")
    assert found == []


async def test_forced_colours_keep_what_colours_have_drawn(browser: Browser, client: OperatorClient) -> None:
    """Lists have their arrow, and the navigation an edge: gradients and backgrounds are gone there."""
    people = client.ready["panel"]
    async with new_page(browser, client.panel_url, forced_colors="active") as page:
        await log_in(page, people["owner_username"], people["owner_password"])
        await page.goto("/sms/trunks/new")
        choice, navigation = page.get_by_label("Smart encoding", exact=True), page.locator(".nav")
        assert "gradient" not in await choice.evaluate("it => getComputedStyle(it).backgroundImage")
        assert await choice.evaluate("it => getComputedStyle(it).appearance") == "auto"
        assert await navigation.evaluate("it => getComputedStyle(it).borderRightStyle") == "solid"


async def test_the_navigation_opens_and_closes_on_a_phone(browser: Browser, client: OperatorClient) -> None:
    """At 360 px the menu button shows the navigation, and Escape hides it."""
    people = client.ready["panel"]
    async with new_page(browser, client.panel_url, viewport={"width": 360, "height": 740}) as page:
        await log_in(page, people["owner_username"], people["owner_password"])
        numbers = page.get_by_role("link", name="Numbers")
        await expect(numbers).to_be_hidden()
        await page.get_by_role("button", name="Menu").click()
        await expect(numbers).to_be_visible()
        assert await serious_findings(page) == []
        await page.keyboard.press("Escape")
        await expect(numbers).to_be_hidden()


async def test_nothing_moves_after_it_has_been_drawn(owner: Page) -> None:
    """The browser's own measure of layout shift stays at nothing on list and form."""
    for path in ("/sms/trunks", "/sms/trunks/new", "/numbers"):
        await owner.goto(path)
        await owner.wait_for_load_state("networkidle")
        shift = await owner.evaluate(
            """new Promise((resolve) => {
                 let sum = 0;
                 new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
                   .observe({type: "layout-shift", buffered: true});
                 requestAnimationFrame(() => setTimeout(() => resolve(sum), 100));
               })"""
        )
        assert shift < 0.01, path


async def test_the_pictures_of_the_documentation(browser: Browser, client: OperatorClient, tmp_path: Path) -> None:
    """Every figure of docs/panel.md can be taken from a running system."""
    folder, people = Path(os.environ.get("SMSOUT_SCREENSHOTS", tmp_path)), client.ready["panel"]

    async def take(page: Page, name: str) -> None:
        await page.evaluate("document.fonts.ready")
        path = folder / f"panel-{name}.png"
        await page.screenshot(path=path, animations="disabled", caret="hide")
        assert path.stat().st_size > 5_000

    async with new_page(browser, client.panel_url, viewport={"width": 1280, "height": 780}) as page:
        await page.goto("/login")
        await take(page, "log-in")
        await log_in(page, people["username"], people["password"])
        numbers = await furnish(page, client)
        await page.goto("/sms/trunks")
        await page.get_by_text("Create New").click()
        await take(page, "trunks")
        await page.goto("/sms/trunks/new")
        await take(page, "create")
        await page.get_by_label("Allow any DID(s) for SMS OUT").uncheck()
        available = page.get_by_role("listbox", name="Available Source Addresses")
        for number in numbers[:2]:
            await available.get_by_role("option", name=number).dblclick()
        await available.get_by_role("option").first.click()
        await page.get_by_text("Source Address Settings").evaluate("it => it.scrollIntoView()")
        await take(page, "sources")
        await page.goto("/sms/trunks")
        await page.get_by_role("link", name="Credentials of Appointment reminders").click()
        await page.get_by_role("dialog").get_by_role("heading", name="Credentials").wait_for()
        await take(page, "credentials")
        await page.keyboard.press("Escape")
        await page.get_by_label("Actions for Appointment reminders").click()
        await take(page, "actions")
        await page.get_by_role("link", name="Send SMS").click()
        await page.get_by_label("Destination").fill("15551234567")
        await page.get_by_label("Text").fill("Your appointment is tomorrow at 9:30. A visit costs 20 €.")
        await expect(page.locator("[data-note]")).to_contain_text("102 left")
        await take(page, "send-sms")
        await page.get_by_role("dialog").get_by_role("button", name="Send").click()
        await page.get_by_text("Handed to the carrier").wait_for()
        await take(page, "sent")
        await page.keyboard.press("Escape")
        for name in ("Old integration", "Two-factor codes"):
            await page.get_by_label(f"Select {name}").check()
        await page.get_by_text("Batch Actions").click()
        await take(page, "batch")
        await page.get_by_role("button", name="Delete Trunks").click()
        await page.get_by_role("dialog").get_by_role("listitem").first.wait_for()
        await take(page, "delete")
        for path, name in (
            ("/numbers", "numbers"),
            ("/audit", "audit"),
        ):
            await page.goto(path)
            await take(page, name)
        await page.emulate_media(color_scheme="dark")
        await page.goto("/sms/trunks")
        await take(page, "trunks-dark")
        await page.set_viewport_size({"width": 360, "height": 740})
        await take(page, "phone")


async def furnish(page: Page, client: OperatorClient) -> list[str]:
    """Make a new account with a few numbers and trunks, and work in it; return the numbers."""
    await page.goto("/accounts/new")
    await page.get_by_label("Name").fill("Example Clinic")
    await page.get_by_role("button", name="Add").click()
    account = await page.locator("tr", has_text="Working in it").locator("a[href$='/edit']").get_attribute("href")
    assert account is not None
    numbers = [new_destination() for _ in range(8)]
    lines = [f"{number},{'no' if place == 5 else 'yes'}" for place, number in enumerate(numbers)]
    await page.goto("/numbers/import")
    file = {"name": "numbers.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    await page.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]  # a TypedDict of playwright's
    await page.get_by_role("button", name="Import").click()
    await page.get_by_role("status").filter(has_text="8 added").wait_for()
    client.account_id = account.split("/")[2]
    await client.make_trunk("Appointment reminders")
    await client.make_trunk("Two-factor codes", sources=(numbers[0],))
    old = await client.make_trunk("Old integration", sources=())
    blocked = {"data": {"type": "sms_trunks", "id": old.id, "attributes": {"blocked": True}}}
    await client.api("PATCH", f"/v3/sms_trunks/{old.id}", blocked)
    return numbers
