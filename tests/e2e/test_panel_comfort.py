"""Without scripts everything still works; with a keyboard alone too."""

import secrets

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.browser import log_in, new_page
from tests.e2e.panel import OTHER_SOURCE, SOURCE, OperatorClient, new_destination

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_every_trunk_flow_works_without_scripts(browser: Browser, client: OperatorClient) -> None:
    """Create with sources in a text area, reveal, regenerate, send and delete: each is a page with a form."""
    people, name, destination = client.ready["panel"], f"Plain {secrets.token_hex(4)}", new_destination()
    async with new_page(browser, client.panel_url, java_script_enabled=False) as page:
        await log_in(page, people["owner_username"], people["owner_password"])
        await page.get_by_role("link", name="SMS Trunks").first.click()
        await page.get_by_text("Create New").click()
        await page.get_by_role("link", name="HTTP OUT").click()
        await page.get_by_label("Friendly name").fill(name)
        await page.get_by_label("Allow any DID(s) for SMS OUT").uncheck()
        await page.get_by_label("Allowed Source Addresses").fill(f"{SOURCE}\n{OTHER_SOURCE}")
        await page.get_by_role("button", name="Create", exact=True).click()
        await expect(page.get_by_role("heading", name="Credentials")).to_be_visible()
        await page.goto(f"/sms/trunks?name={name}")
        await expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("2 numbers")
        await page.get_by_role("link", name=f"Credentials of {name}").click()
        await page.get_by_role("button", name="Show password").click()
        username = await page.locator("[data-username]").inner_text()
        password = await page.locator("[data-value]").inner_text()
        assert await client.send_as(username, password, destination) == 201
        await page.get_by_role("link", name="Regenerate the password").click()
        await page.get_by_label("Keep the old one working for").select_option("Not at all: refuse it at once")
        await page.get_by_role("button", name="Regenerate").click()
        assert await client.status_within_a_second(401, username, password) == 401
        password = await page.locator("[data-value]").inner_text()
        assert await client.send_as(username, password, new_destination()) == 201
        await page.goto(f"/sms/trunks?name={name}")
        await page.get_by_label(f"Actions for {name}").click()
        await page.get_by_role("link", name="Send SMS").click()
        destination = new_destination()
        await page.get_by_label("Destination").fill(destination)
        await page.get_by_label("Text").fill("First line\nSecond line")
        await page.get_by_role("button", name="Send").click()
        (entry,) = await client.at_the_carrier(destination)
        assert entry["text"] == "First line\nSecond line"
        await expect(page.get_by_text("Handed to the carrier")).to_be_visible()  # the page refreshes itself
        await page.goto(f"/sms/trunks?name={name}")
        await page.get_by_label(f"Select {name}").check()
        await page.get_by_text("Batch Actions").click()
        await page.get_by_role("button", name="Delete Trunks").click()
        await expect(page.get_by_role("listitem").filter(has_text=name)).to_be_visible()
        await page.get_by_role("button", name="Delete").click()
        assert await client.status_within_a_second(401, username, password) == 401


async def focused(page: Page) -> str:
    """Return what has the focus, by its text or label."""
    words: str = await page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText.trim()"
    )
    return words


async def test_menus_and_dialogs_with_the_keyboard(owner: Page, client: OperatorClient) -> None:
    """Enter opens a menu, arrows walk it, Escape closes it and gives the focus back; dialogs keep the focus inside."""
    trunk = await client.make_trunk()
    await owner.goto(f"/sms/trunks?name={trunk.name}")
    actions = owner.get_by_label(f"Actions for {trunk.name}")
    await actions.focus()
    await owner.keyboard.press("Enter")
    walked = []
    for _ in range(5):
        await owner.keyboard.press("ArrowDown")
        walked.append(await focused(owner))
    assert walked == ["Edit", "Callbacks", "Send SMS", "Delete", "Edit"]
    await owner.keyboard.press("Escape")
    assert await focused(owner) == f"Actions for {trunk.name}"
    await expect(owner.get_by_role("link", name="Send SMS")).to_be_hidden()
    key = owner.get_by_role("link", name=f"Credentials of {trunk.name}")
    await key.focus()
    await owner.keyboard.press("Enter")
    await expect(owner.get_by_role("dialog")).to_be_visible()
    for _ in range(12):
        await owner.keyboard.press("Tab")
        # Between the last and the first of its controls the focus is with the browser's own, which is the body here.
        assert await owner.evaluate(
            "document.activeElement.closest('dialog') !== null || document.activeElement === document.body"
        )
    await owner.keyboard.press("Escape")
    await expect(owner.get_by_role("dialog")).to_be_hidden()
    assert await focused(owner) == f"Credentials of {trunk.name}"


async def test_the_picker_with_the_keyboard(owner: Page) -> None:
    """Arrows walk a list, Space selects, Enter moves, Control+A selects all; the moves are announced."""
    await owner.goto("/sms/trunks/new")
    await owner.get_by_label("Allow any DID(s) for SMS OUT").uncheck()
    available = owner.get_by_role("listbox", name="Available Source Addresses").get_by_role("option")
    allowed = owner.get_by_role("listbox", name="Allowed Source Addresses").get_by_role("option")
    await expect(available.first).to_be_visible()
    numbers = await available.all_inner_texts()
    await owner.get_by_role("listbox", name="Available Source Addresses").focus()
    await owner.keyboard.press("ArrowDown")
    await owner.keyboard.press("Space")
    await expect(available.nth(1)).to_have_attribute("aria-selected", "true")
    await owner.keyboard.press("Enter")
    await expect(allowed).to_have_text([numbers[1]])
    await expect(owner.get_by_text("1 added")).to_be_attached()
    await owner.keyboard.press("Control+a")
    await owner.keyboard.press("Enter")
    await expect(allowed).to_have_text(sorted(numbers))
    await expect(available).to_have_count(0)
