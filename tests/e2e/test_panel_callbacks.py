"""An endpoint that has answered 410 Gone, in a real browser: seen, and enabled again."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.identifiers import uuid7
from schemas.messages.callback import AttemptOutcome, CallbackAttempt
from schemas.record import OutRecord
from schemas.topics import CALLBACK_ATTEMPTED
from tests.e2e.browser import SCHEMES, WIDTHS, log_in, new_page, overflow_pixels, reloaded_until, serious_findings
from tests.e2e.panel import OperatorClient

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

NOTICE = "notifications are not posted"
HOSTILE = "<b>no</b> " + "W" * 120


def attempt(
    trunk_id: str, endpoint: str, outcome: AttemptOutcome, status_code: int | None, **more: object
) -> OutRecord:
    message_id = uuid7()
    record = CallbackAttempt.model_validate({
        "webhook_id": f"{message_id}.processing", "message_id": message_id, "trunk_id": trunk_id, "attempt": 1,
        "endpoint": endpoint, "at": datetime.now(UTC), "milliseconds": 15_000, "outcome": outcome,
        "status_code": status_code, **more,
    })  # fmt: skip
    return OutRecord(CALLBACK_ATTEMPTED, message_id.encode(), record.to_bytes())


async def test_an_endpoint_that_is_gone_is_seen_and_enabled_again(
    owner: Page, browser: Browser, client: OperatorClient, tmp_path: Path
) -> None:
    """A 410 shows in the list and on the trunk's page with the attempts; *Enable again* ends it, and it is audited."""
    trunk, endpoint = await client.make_trunk(), str(client.ready["simulator_url"])
    producer = await RecordProducer(
        KafkaSettings(bootstrap_servers=client.ready["bootstrap_servers"]), client_id="test"
    ).start()
    await producer.write([
        attempt(trunk.id, endpoint, AttemptOutcome.ACCEPTED, 204),
        attempt(trunk.id, endpoint, AttemptOutcome.FAILED, 503, answer=HOSTILE),
        attempt(trunk.id, endpoint, AttemptOutcome.FAILED, None, error="in-doubt: no answer within 15 s"),
        attempt(trunk.id, endpoint, AttemptOutcome.GONE, 410, attempt=2, resent_at=datetime.now(UTC)),
    ])  # fmt: skip
    await producer.stop()
    row = owner.get_by_role("row").filter(has_text=trunk.name)
    await owner.goto(f"/sms/trunks?name={trunk.name.replace(' ', '+')}")
    await reloaded_until(owner, row.get_by_text("Gone: not notified"))
    pictures = Path(os.environ.get("SMSOUT_SCREENSHOTS") or tmp_path)
    people = client.ready["panel"]
    path = f"/sms/trunks/{trunk.id}/edit"
    for scheme, width in zip(SCHEMES, WIDTHS, strict=True):
        async with new_page(
            browser, client.panel_url, color_scheme=scheme, viewport={"width": width, "height": 900}
        ) as page:
            await log_in(page, people["owner_username"], people["owner_password"])
            for name, address in (("list", "/sms/trunks"), ("trunk", path)):
                await page.goto(address)
                assert await overflow_pixels(page) == 0, (address, width)
                assert await serious_findings(page) == [], (address, width, scheme)
                await page.screenshot(path=pictures / f"gone-{name}-{width}-{scheme}.png", full_page=True)
    await owner.goto(path)
    notice = owner.get_by_role("status").filter(has_text=NOTICE)
    await expect(notice).to_contain_text("The endpoint answered 410 Gone on ")
    attempts = owner.get_by_role("table", name="Last notifications").get_by_role("row")
    await expect(attempts).to_have_count(5)
    await expect(attempts.nth(1)).to_contain_text("410 Gone")
    await expect(attempts.filter(has_text=HOSTILE)).to_have_count(1)
    shown = (await client.api("GET", f"/v3/sms_trunks/{trunk.id}"))["data"]["attributes"]["configuration"]
    assert shown["callback_disabled_at"] is not None
    await owner.get_by_role("button", name="Enable again").click()
    await expect(owner.get_by_role("status").filter(has_text="are posted again")).to_be_visible()
    await expect(notice).to_have_count(0)
    shown = (await client.api("GET", f"/v3/sms_trunks/{trunk.id}"))["data"]["attributes"]["configuration"]
    assert shown["callback_disabled_at"] is None
    await owner.goto(f"/audit?text={trunk.id}")
    for action, who in (("Callback enabled", people["owner_username"]), ("Callback disabled", "system")):
        await expect(owner.get_by_role("row").filter(has_text=action).filter(has_text=who)).to_have_count(1)
