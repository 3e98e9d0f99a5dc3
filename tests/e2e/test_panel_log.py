"""The Outbound SMS log in a real browser: found, failed, sent again."""

import asyncio
import csv
import gzip
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from pipeline.message_log.database import FILE, parsed, writer_engine
from pipeline.message_log.tables import micros
from pipeline.message_log.writing.batch import DELIVERED, PROCESSED, SEGMENTED, LogBatch
from pipeline.message_log.writing.writer import LogWriter
from schemas.identifiers import uuid7
from tests.e2e.browser import SCHEMES, log_in, new_page, overflow_pixels, reloaded_until, serious_findings
from tests.e2e.panel import OperatorClient
from tests.message_lives import disposed

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DESTINATION = "13105557311"
DOCUMENTED = {"list": "panel-log", "message": "panel-message"}
"""Pages whose pictures are in docs/panel.md."""


async def test_a_message_is_found_and_its_callback_sent_again(
    owner: Page, browser: Browser, client: OperatorClient, tmp_path: Path
) -> None:
    """By its number; its timeline shows the failed callback; *Resend callback* makes one more attempt, which goes well.

    Every page of the log is usable at three widths and in both schemes.
    """
    trunk = await client.make_trunk()
    fault = f"/faults{trunk.inbox}"
    await client.put(fault, {"status": 503})
    message_id = await client.send_through(trunk, DESTINATION)
    await owner.goto("/sms/log")
    found = owner.get_by_role("row").filter(has_text=DESTINATION)
    await owner.get_by_label("Find").fill(DESTINATION)
    await owner.get_by_role("button", name="Filter").click()
    await owner.wait_for_url("**find=*")
    await reloaded_until(owner, found.get_by_text("Success"))
    await found.get_by_role("link").first.click()
    await expect(owner.get_by_role("heading", name=f"Message to {DESTINATION}")).to_be_visible()
    assert owner.url.endswith(message_id)
    failed = owner.get_by_text("Callback, attempt 1: failed, 503")
    await reloaded_until(owner, failed)
    await client.delete(fault)
    await owner.get_by_role("button", name="Resend callback").click()
    await expect(owner.get_by_role("status")).to_contain_text("is being sent again")
    # The page follows by itself what comes of it.
    await expect(owner.get_by_text("Callback, attempt 1 (resent): accepted, 200")).to_be_visible()
    await owner.goto("/overview?range=1h")
    failing = owner.get_by_role("region", name="Callback endpoints").get_by_role("row").filter(has_text=trunk.name)
    await expect(failing).to_have_count(1)
    await expect(owner.get_by_role("img", name="Messages")).to_be_visible()
    pictures = Path(os.environ.get("SMSOUT_SCREENSHOTS") or tmp_path)
    people = client.ready["panel"]
    for width in (1440, 1024, 390):
        for scheme in SCHEMES:
            async with new_page(
                browser, client.panel_url, color_scheme=scheme, viewport={"width": width, "height": 900}
            ) as page:
                await log_in(page, people["owner_username"], people["owner_password"])
                for name, path in (
                    ("list", "/sms/log"), ("nothing", "/sms/log?find=99999999"), ("message", f"/sms/log/{message_id}"),
                    ("callbacks", f"/sms/trunks/{trunk.id}/callbacks"), ("overview", "/overview?range=1h"),
                ):  # fmt: skip
                    await page.goto(path)
                    assert await overflow_pixels(page) == 0, (path, width)
                    assert await serious_findings(page) == [], (path, width, scheme)
                    shown = DOCUMENTED.get(name)
                    picture = shown if shown and (width, scheme) == (1440, "light") else f"log-{name}-{width}-{scheme}"
                    await page.screenshot(path=pictures / f"{picture}.png", full_page=True)


async def test_a_test_event_shows_what_the_endpoint_answers(owner: Page, client: OperatorClient) -> None:
    """It is sent from the trunk's callbacks, and its attempt shows there by itself; so does one that is sent again."""
    trunk = await client.make_trunk()
    await owner.goto(f"/sms/trunks/{trunk.id}/callbacks")
    await owner.get_by_role("button", name="Send test event").click()
    await expect(owner.get_by_role("status")).to_contain_text("is on its way")
    accepted = owner.get_by_role("row").filter(has_text="Accepted")
    await expect(accepted).to_have_count(1)
    message_id = await client.send_through(trunk, "13105557313")
    await owner.goto(f"/sms/trunks/{trunk.id}/callbacks?message={message_id}")
    await reloaded_until(owner, accepted)
    await owner.get_by_role("button", name="Resend all that match").click()
    await expect(owner.get_by_role("status")).to_contain_text("1 notification sent again")
    await expect(accepted).to_have_count(2)
    await expect(accepted.filter(has_text="resent")).to_have_count(1)


async def test_a_hundred_thousand_messages_are_exported_and_counted(
    owner: Page, client: OperatorClient, tmp_path: Path
) -> None:
    """Plain and compressed, each message once, with its progress told beside; the overview has their picture."""
    trunk = await client.make_trunk()
    ids = await asyncio.to_thread(fill, Path(client.ready["ready_file"]).parent, trunk.id, client.account_id)
    await owner.goto(f"/sms/log?trunk={trunk.id}")
    for link in ("CSV", "CSV.gz"):
        async with owner.expect_download() as downloading:
            await owner.get_by_role("link", name=link, exact=True).click()
        content = Path(await (await downloading.value).path()).read_bytes()
        lines = (gzip.decompress(content) if link == "CSV.gz" else content).decode().splitlines()
        assert Counter(row["id"] for row in csv.DictReader(lines)) == ids
        await expect(owner.get_by_role("status")).to_have_text("100,000 messages exported")
    await owner.goto(f"/overview?range=1h&trunk={trunk.id}")
    await expect(owner.get_by_role("definition").first).to_have_text("100,000")
    await expect(owner.get_by_role("table", name="Codes")).to_contain_text("Routing failed")
    pictures = Path(os.environ.get("SMSOUT_SCREENSHOTS") or tmp_path)
    await owner.screenshot(path=pictures / "panel-overview.png", full_page=True)


def fill(folder: Path, trunk_id: str, account_id: str) -> Counter[str]:
    """Write messages into the log of a running system, beside its agent; return their ids."""
    url = parsed(f"sqlite:///{folder / 'data' / 'state' / FILE}")
    ids, chance = [uuid7() for _ in range(100_000)], random.Random(1)
    begin = micros(datetime.now(UTC) - timedelta(minutes=57))
    with disposed(writer_engine(url)) as engine:
        writer, batch = LogWriter(engine), LogBatch(0, 100_000)
        writer.open()
        for number, identity in enumerate(ids):
            at = begin + int(chance.betavariate(2, 1.3) * 55 * 60_000_000)
            row = batch.message(identity, trunk_id, account_id, "12125551234", f"1310{number:07d}", at)
            assert row is not None
            row[SEGMENTED] = 0, number, at, 0, 1 + (number % 4 == 0), None, None, None, at, None, None
            if number % 29 == 0:
                row[PROCESSED] = "Failed", 105, None, at + 900_000, 0, None, None, None, None
            elif number % 53 == 0:
                row[PROCESSED] = "Routing Error", 8, None, at + 4_000, 0, None, None, None, None
            else:
                row[PROCESSED] = "Success", None, None, at + 40_000, 1, None, "0.0045", "USD", None
                row[DELIVERED] = "UNDELIVERABLE" if number % 17 == 0 else "DELIVERED", None, None, at + 3_000_000, None
        writer.write(batch, {})
    return Counter(ids)


async def test_the_log_is_downloaded(owner: Page, client: OperatorClient) -> None:
    """As the filter says, under a name that says what it is."""
    trunk = await client.make_trunk()
    message_id = await client.send_through(trunk, "13105557312")
    await owner.goto("/sms/log?find=13105557312")
    await reloaded_until(owner, owner.get_by_role("link", name="CSV", exact=True))
    async with owner.expect_download() as downloading:
        await owner.get_by_role("link", name="CSV", exact=True).click()
    download = await downloading.value
    assert download.suggested_filename.startswith("outbound-sms-")
    assert message_id in Path(await download.path()).read_text()
