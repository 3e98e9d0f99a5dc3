"""Sending later in a real browser: given a time, listed, taken back, and sent when its time has come."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from schemas.messages.timing import written
from tests.e2e.browser import SCHEMES, log_in, new_page, overflow_pixels, reloaded_until, serious_findings
from tests.e2e.panel import SOURCE, MadeTrunk, OperatorClient, new_destination

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]

BERLIN = ZoneInfo("Europe/Berlin")
WIDTHS = (1440, 1024, 390)


def typed(moment: datetime) -> str:
    """Return a time as a browser's field has it."""
    return f"{moment:%Y-%m-%dT%H:%M}"


async def send_window(page: Page, trunk: MadeTrunk, destination: str, text: str = "Later") -> Locator:
    """Open the Send SMS window, and fill in who gets what."""
    await page.goto(f"/sms/trunks?name={trunk.name}")
    await page.get_by_label(f"Actions for {trunk.name}").click()
    await page.get_by_role("link", name="Send SMS").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Destination").fill(destination)
    await dialog.get_by_label("Text").fill(text)
    await dialog.get_by_text("Send later, validity").click()
    return dialog


async def listed(page: Page, destination: str, query: str = "") -> Locator:
    """Return the row of a message in the list, which has it within moments."""
    row = page.get_by_role("row").filter(has_text=destination)
    await page.goto(f"/sms/scheduled{query}")
    await reloaded_until(page, row)
    await expect(row).to_have_count(1)
    return row


async def schedule_bulk(client: OperatorClient, trunk: MadeTrunk, destinations: list[str], send_at: datetime) -> str:
    """Schedule a bulk with the trunk's credentials; return its id."""
    attributes = {"source": SOURCE, "content": "Bulk", "destination": destinations, "send_at": written(send_at)}
    headers = {
        "Authorization": aiohttp.encode_basic_auth(trunk.username, trunk.password),
        "Content-Type": "application/vnd.api+json",
    }
    url, document = client.ready["ingress_url"] + "/bulk_outbound_messages", {"type": "bulk_outbound_messages"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"data": {**document, "attributes": attributes}}, headers=headers) as answer,
    ):
        body: dict[str, Any] = await answer.json(content_type=None)
        assert answer.status == 201, body
    return str(body["meta"]["bulk_id"])


async def test_a_message_is_scheduled_and_taken_back(browser: Browser, client: OperatorClient) -> None:
    """In the browser's own zone; the list has it, a question comes first, and its row says `Canceled` by itself."""
    people, trunk, destination = client.ready["panel"], await client.make_trunk(), new_destination()
    later = (datetime.now(BERLIN) + timedelta(hours=2)).replace(second=0, microsecond=0)
    async with new_page(browser, client.panel_url, timezone_id="Europe/Berlin") as page:
        await log_in(page, people["owner_username"], people["owner_password"])
        dialog = await send_window(page, trunk, destination)
        await dialog.get_by_label("Send at").fill(typed(later - timedelta(days=1)))
        await dialog.get_by_label("Time zone").select_option(label="Local (Europe/Berlin)")
        await dialog.get_by_role("button", name="Send").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("Send at: must be 1 minute to 35 days ahead")
        await dialog.get_by_label("Send at").fill(typed(later))
        await dialog.get_by_label("Validity in minutes").fill("90")
        await dialog.get_by_role("button", name="Send").click()
        await expect(dialog).to_contain_text(f"It is sent at {later.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
        await dialog.get_by_role("link", name="Scheduled messages").click()
        row = await listed(page, destination, "?zone=Europe/Berlin")
        await expect(row).to_contain_text(f"{later:%Y-%m-%d %H:%M:%S}")
        await expect(row).to_contain_text("Scheduled")
        # By keyboard alone: to the row's menu, to the question, and through it.
        await row.get_by_label("Actions for").focus()
        await page.keyboard.press("Enter")
        await row.get_by_role("link", name="Cancel message").focus()
        await page.keyboard.press("Enter")
        question = page.get_by_role("dialog")
        await expect(question).to_contain_text(destination)
        assert await serious_findings(page) == []
        await question.get_by_role("link", name="Keep it").click()
        await expect(question).to_be_hidden()
        await row.get_by_label("Actions for").click()
        await row.get_by_role("link", name="Cancel message").click()
        await question.get_by_role("button", name="Cancel message").click()
        await expect(page.get_by_role("status")).to_contain_text("Asked to cancel the message")
        loads: list[str] = []
        page.on("load", lambda it: loads.append(it.url))
        await expect(row).to_contain_text("Canceled")
        await expect(row).to_contain_text("Not sent")
        assert loads == []
        await row.get_by_role("link").first.click()
        for words in ("Scheduled for", "Asked to cancel the message", "Canceled by the customer before a carrier"):
            await expect(page.get_by_role("main")).to_contain_text(words)
    assert (await client.callbacks(trunk))[0]["status"] == "Canceled"
    assert destination not in {it["destination"] for it in await client.get("/carrier/ledger")}


async def test_several_and_a_bulk_are_taken_back(
    owner: Page, browser: Browser, client: OperatorClient, tmp_path: Path
) -> None:
    """Those that were checked, and all of a bulk; at every width, in both schemes, empty, filtered and full."""
    trunk, send_at = await client.make_trunk(), datetime.now(UTC) + timedelta(hours=3)
    numbers, alone = [new_destination() for _ in range(4)], [new_destination() for _ in range(2)]
    for destination in alone:
        await client.send_through(trunk, destination, send_at=written(send_at))
    bulk_id = await schedule_bulk(client, trunk, numbers, send_at)
    await listed(owner, numbers[-1], f"?trunk={trunk.id}")
    pictures, people = Path(os.environ.get("SMSOUT_SCREENSHOTS") or tmp_path), client.ready["panel"]
    for width in WIDTHS:
        for scheme in SCHEMES:
            viewport: Any = {"width": width, "height": 900}
            async with new_page(browser, client.panel_url, color_scheme=scheme, viewport=viewport) as page:
                await log_in(page, people["owner_username"], people["owner_password"])
                for name, path in (
                    ("list", f"/sms/scheduled?trunk={trunk.id}"), ("bulk", f"/sms/scheduled?bulk={bulk_id}"),
                    ("none", "/sms/scheduled?destination=99999999"), ("send", f"/sms/trunks/{trunk.id}/send"),
                    ("ask", f"/sms/scheduled/cancel-bulk?bulk={bulk_id}"),
                ):  # fmt: skip
                    await page.goto(path)
                    if name == "send":
                        await page.get_by_text("Send later, validity").click()
                    assert await overflow_pixels(page) == 0, (path, width)
                    assert await serious_findings(page) == [], (path, width, scheme)
                    documented = (name, width, scheme) == ("list", 1440, "light")
                    picture = "panel-scheduled" if documented else f"scheduled-{name}-{width}-{scheme}"
                    await page.screenshot(path=pictures / f"{picture}.png", full_page=True)
    await owner.goto(f"/sms/scheduled?trunk={trunk.id}")
    for destination in alone:
        await owner.get_by_label(f"Select the message to {destination}").check()
    await owner.get_by_text("Batch Actions").click()
    await owner.get_by_role("button", name="Cancel messages").click()
    question = owner.get_by_role("dialog")
    for destination in alone:
        await expect(question).to_contain_text(destination)
    await question.get_by_role("button", name="Cancel messages").click()
    await expect(owner.get_by_role("status")).to_contain_text("Asked to cancel 2 messages")
    assert f"trunk={trunk.id}" in owner.url
    await expect(owner.get_by_role("row").filter(has_text="Not sent")).to_have_count(2)
    row = owner.get_by_role("row").filter(has_text=numbers[0])
    await row.get_by_label("Actions for").click()
    await row.get_by_role("link", name="Cancel its bulk").click()
    await expect(question).to_contain_text("4 messages, of which 4 wait for their time")
    await question.get_by_role("button", name="Cancel bulk").click()
    await expect(owner.get_by_role("row").filter(has_text="Not sent")).to_have_count(6)
    await owner.screenshot(path=pictures / "scheduled-canceled-1280.png", full_page=True)
    assert {it["status"] for it in await client.callbacks(trunk, 6)} == {"Canceled"}


async def test_a_message_is_sent_at_its_time(owner: Page, client: OperatorClient) -> None:
    """Given in the panel, to the minute: not before, and within seconds; its timeline tells of both."""
    trunk, destination = await client.make_trunk(), new_destination()
    send_at = (datetime.now(UTC) + timedelta(minutes=2)).replace(second=0, microsecond=0)
    dialog = await send_window(owner, trunk, destination, "On time")
    await dialog.get_by_label("Send at").fill(typed(send_at))
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog).to_contain_text("It is sent at")
    row = await listed(owner, destination)
    await expect(row).to_contain_text("Scheduled")
    await owner.goto("/overview?range=1h")
    await owner.get_by_role("link", name="scheduled").first.click()
    await owner.wait_for_url("**/sms/scheduled")
    (called,) = await client.wait_for(trunk.inbox, bool, limit_seconds=150)
    assert timedelta(0) <= datetime.now(UTC) - send_at < timedelta(seconds=15), called
    (entry,) = await client.at_the_carrier(destination)
    assert entry["text"] == "On time"
    assert send_at <= datetime.fromisoformat(str(entry["at"])) < send_at + timedelta(seconds=10)
    await (await listed(owner, destination)).get_by_role("link").first.click()
    # The log hears of it in its own time, and the page follows by itself.
    for words in ("Scheduled for", "Released: its time had come", "Handed to the carrier: 1 of 1 segments"):
        await expect(owner.get_by_role("main")).to_contain_text(words)
