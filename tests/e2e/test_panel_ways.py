"""Where the browser and its focus are after something has been done, and what narrow and forced-colour screens show."""

import asyncio
import base64
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Dialog, Page, Route, expect

from tests.e2e.browser import log_in, new_page
from tests.e2e.panel import OperatorClient

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

LISTS: Final = ("/sms/trunks", "/numbers", "/users", "/api-keys", "/audit", "/accounts", "/carriers", "/routes")
HAS_FOCUS: Final = "document.activeElement.matches(selector)"


async def focus_is_on(page: Page, selector: str) -> None:
    """Wait until something that `selector` matches has the focus."""
    await page.wait_for_function(f"(selector) => {HAS_FOCUS}", arg=selector)


async def test_save_cancel_and_delete_lead_back_to_the_list_as_it_was(owner: Page, client: OperatorClient) -> None:
    """Filter, order and size stay, after a form, its Cancel and a dialog; and the focus is on what has been done."""
    kept, gone = await client.make_trunk(), await client.make_trunk()
    list_url = "/sms/trunks?name=Trunk&sort=-name&per_page=100"
    await owner.goto(list_url)
    await owner.get_by_role("link", name=kept.name, exact=True).click()
    await owner.get_by_role("link", name="Cancel").click()
    await owner.wait_for_url(f"**{list_url}")
    await owner.get_by_role("link", name=kept.name, exact=True).click()
    await owner.get_by_label("Friendly name").fill("")
    await owner.get_by_role("button", name="Save").click()
    await expect(owner.get_by_role("alert")).to_be_visible()  # the way back survives a mistake
    await owner.get_by_label("Friendly name").fill(f"{kept.name} saved")
    await owner.get_by_role("button", name="Save").click()
    await owner.wait_for_url(f"**{list_url}")
    await focus_is_on(owner, "[role=status]")
    await owner.get_by_label(f"Select {gone.name}").check()
    await owner.get_by_text("Batch Actions").click()
    await owner.get_by_role("button", name="Delete Trunks").click()
    await owner.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(owner.get_by_role("status").filter(has_text="has been deleted")).to_be_visible()
    await owner.wait_for_url(f"**{list_url}")
    await focus_is_on(owner, "[role=status]")


async def test_the_focus_is_never_lost_around_a_dialog(owner: Page, client: OperatorClient) -> None:
    """Inside when it opens and when its content changes; on the menu's button when it closes."""
    trunk = await client.make_trunk()
    await owner.goto(f"/sms/trunks?name={trunk.name}")
    await owner.get_by_label(f"Actions for {trunk.name}").click()
    await owner.get_by_role("link", name="Send SMS").click()
    await focus_is_on(owner, "dialog #panel-title")
    await owner.get_by_role("dialog").get_by_role("button", name="Send").click()
    await focus_is_on(owner, "dialog :is([data-focus], :invalid)")
    await owner.keyboard.press("Escape")
    await focus_is_on(owner, f"summary[aria-label='Actions for {trunk.name}']")


async def pixel(page: Page, x: int, y: int) -> list[int]:
    """Return red, green and blue of a point of what the window shows."""
    picture = base64.b64encode(await page.screenshot()).decode()
    reader = await page.context.new_page()
    found: list[int] = await reader.evaluate(
        """async ([picture, x, y]) => {
             const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
             const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
             context.drawImage(image, 0, 0);
             return [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
           }""",
        [picture, x, y],
    )
    await reader.close()
    return found


@pytest.mark.parametrize("path", ["/users", "/sms/trunks?per_page=100"], ids=["short", "long"])
async def test_a_dialogs_backdrop_leaves_no_strip(owner: Page, path: str) -> None:
    """The window's last column of pixels is as dark as the backdrop beside it."""
    await owner.goto(path)
    await owner.locator("a[data-dialog]:visible").first.click()
    await expect(owner.get_by_role("dialog")).to_be_visible()
    beside, strip = await pixel(owner, 1240, 890), await pixel(owner, 1278, 890)
    assert max(abs(a - b) for a, b in zip(beside, strip, strict=True)) < 8


async def page_at(browser: Browser, client: OperatorClient, width: int, **options: Any) -> Any:
    """Return a context manager of an operator's page of that width."""
    return new_page(browser, client.panel_url, viewport={"width": width, "height": 800}, **options)


@pytest.mark.parametrize("width", [1024, 390])
async def test_what_can_have_the_focus_can_be_seen(browser: Browser, client: OperatorClient, width: int) -> None:
    """A table stays one at 1024 px; on a phone rows are cards, and sorting and select-all are above them in sight."""
    people = client.ready["panel"]
    async with await page_at(browser, client, width) as page:
        await log_in(page, people["username"], people["password"])
        for path in LISTS:
            await page.goto(path)
            hidden: list[str] = await page.evaluate(
                """[...document.querySelectorAll("main :is(a, input, select, button)")].filter((it) => {
                     const box = it.getBoundingClientRect();
                     return it.type !== "hidden" && it.checkVisibility() && !it.closest("noscript, details:not([open])")
                       && (box.width < 4 || box.height < 4 || it.closest("[class~=table] thead")?.offsetHeight === 1);
                   }).map((it) => it.outerHTML.slice(0, 100))"""
            )
            assert hidden == [], path
            if await page.locator(".table").count():
                display = await page.locator(".table").first.evaluate("(it) => getComputedStyle(it).display")
                assert display == ("table" if width == 1024 else "block"), path


async def test_switches_and_the_current_page_show_in_forced_colours(browser: Browser, client: OperatorClient) -> None:
    """With a system's own colours a switch has an edge and shows whether it is on, and so does where one is."""
    people = client.ready["panel"]
    async with await page_at(browser, client, 1280, forced_colors="active") as page:
        await log_in(page, people["owner_username"], people["owner_password"])
        await page.goto("/sms/trunks/new")

        async def look(selector: str) -> Mapping[str, str]:
            found: Mapping[str, str] = await page.locator(selector).first.evaluate(
                """(it) => { const own = getComputedStyle(it);
                     return {edge: own.borderTopWidth, fill: own.backgroundColor}; }"""
            )
            return found

        on, off = await look(".switch input:checked"), await look(".switch input:not(:checked)")
        assert (on["edge"], off["edge"]) == ("2px", "2px")
        assert on["fill"] != off["fill"]
        here, there = await look(".nav a[aria-current]"), await look(".nav li a:not([aria-current])")
        assert here["fill"] != there["fill"]


async def test_what_has_not_been_saved_is_asked_about(owner: Page, client: OperatorClient) -> None:
    """Leaving a form with something entered asks first, in the browser's words; Cancel says it already."""
    trunk, questions = await client.make_trunk(), []
    leave = False

    async def answer(dialog: Dialog) -> None:
        questions.append(dialog.type)
        await (dialog.accept() if leave else dialog.dismiss())

    owner.on("dialog", answer)
    edit = f"/sms/trunks/{trunk.id}/edit"
    await owner.goto(edit)
    await owner.get_by_label("Callback URL").fill("https://example.com/half-typed")
    await owner.get_by_role("link", name="Numbers").click()
    await expect(owner.get_by_label("Callback URL")).to_have_value("https://example.com/half-typed")
    assert questions == ["beforeunload"]
    await owner.get_by_role("link", name="Cancel").click()
    await owner.wait_for_url("**/sms/trunks")
    await owner.goto(edit)
    await owner.get_by_role("link", name="Numbers").click()  # nothing entered, nothing asked
    await owner.wait_for_url("**/numbers")
    assert questions == ["beforeunload"]
    await owner.goto("/users")
    await owner.get_by_role("link", name="Add user").click()
    await owner.get_by_role("dialog").get_by_label("Email").fill("half@")
    await owner.keyboard.press("Escape")
    await expect(owner.get_by_role("dialog").get_by_label("Email")).to_have_value("half@")
    assert questions == ["beforeunload", "confirm"]
    leave = True
    await owner.keyboard.press("Escape")
    await expect(owner.get_by_role("dialog")).to_have_count(0)


async def test_a_click_shows_at_once_that_something_is_being_done(owner: Page, client: OperatorClient) -> None:
    """However long the answer takes: the button turns before it comes."""
    trunk, answered = await client.make_trunk(), asyncio.Event()

    async def late(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    await owner.goto(f"/sms/trunks/{trunk.id}/edit")
    await owner.evaluate(
        """addEventListener("submit", () => setTimeout(() => {
             console.info(`busy: ${document.querySelector("button[aria-busy=true]")?.textContent}`);
           }))"""
    )
    await owner.route("**/edit", late)
    async with owner.expect_console_message(lambda it: it.text == "busy: Save"):
        await owner.get_by_role("button", name="Save").click(no_wait_after=True)
    answered.set()
    await owner.wait_for_url("**/sms/trunks")


async def test_a_silent_broker_is_told_in_seconds_and_nothing_is_lost(owner: Page, client: OperatorClient) -> None:
    """Pages open as ever; a form says in seconds that it is not saved, keeps its input, and is saved a little later."""
    trunk = await client.make_trunk()
    await owner.goto(f"/sms/trunks/{trunk.id}/edit")
    await owner.get_by_label("Friendly name").fill(f"{trunk.name} renamed")
    save, broker = owner.get_by_role("button", name="Save"), client.ready["pids"]["broker"]
    os.kill(broker, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        await save.click(no_wait_after=True)
        await expect(owner.get_by_role("alert")).to_contain_text("The message broker does not answer")
        assert time.monotonic() - begin < 9  # five of them are ours, the rest is for tests beside this one
        for path in ("/sms/trunks", "/numbers", "/users", "/audit", "/password"):
            assert (await owner.request.get(path)).status == 200
    finally:
        os.kill(broker, signal.SIGCONT)
    await expect(owner.get_by_label("Friendly name")).to_have_value(f"{trunk.name} renamed")
    for _ in range(20):
        await save.click()
        if "/edit" not in owner.url:
            break
    await expect(owner.get_by_role("status")).to_contain_text(f"{trunk.name} renamed has been saved")


async def test_a_session_survives_a_restart_of_the_panel(browser: Browser, client: OperatorClient) -> None:
    """The panel is killed with a form half filled in: who was logged in still is, and the form is taken."""
    people, trunk = client.ready["panel"], await client.make_trunk()
    ready_file = Path(client.ready["ready_file"])
    async with new_page(browser, client.panel_url) as page:
        await log_in(page, people["owner_username"], people["owner_password"])
        await page.goto(f"/sms/trunks/{trunk.id}/edit")
        await page.get_by_label("Friendly name").fill(f"{trunk.name} over")
        await asyncio.sleep(1)  # what is remembered goes to the broker in the background
        killed = json.loads(ready_file.read_text())["pids"]["panel"]
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(60):
            while (now := json.loads(ready_file.read_text()))["pids"]["panel"] == killed or (
                now["states"]["panel"]["state"] != "ready"
            ):
                await asyncio.sleep(0.1)
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("status")).to_contain_text(f"{trunk.name} over has been saved")
