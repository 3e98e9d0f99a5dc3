"""Limits through the whole system: set in the management API, kept by door and processor, told everywhere."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.panel import MadeTrunk, OperatorClient, new_destination

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

IN_FORCE_SECONDS = 1.5  # a change of the directory is in force everywhere within a second


async def limit(client: OperatorClient, trunk: MadeTrunk, **limits: int | None) -> None:
    document = {"data": {"type": "sms_trunks", "id": trunk.id, "attributes": limits}}
    await client.api("PATCH", f"/v3/sms_trunks/{trunk.id}", document)
    await asyncio.sleep(IN_FORCE_SECONDS)


def ends(callbacks: list[dict[str, Any]]) -> dict[str, tuple[str, int | None]]:
    return {it["id"]: (it["attributes"]["status"], it["attributes"]["code_id"]) for it in callbacks}


async def test_a_day_that_is_used_up_is_told_by_callback_log_and_panel(client: OperatorClient, operator: Page) -> None:
    """The rest of the day fails with code 100, until the limit is raised."""
    trunk = await client.make_trunk()
    await limit(client, trunk, segments_per_day=2)
    sent = [await client.send_through(trunk, new_destination()) for _ in range(4)]
    refused = ("Failed", 100)
    told = await client.told(trunk, 4)
    assert ends(told) == dict(zip(sent, [("Success", None)] * 2 + [refused] * 2, strict=True))
    async with asyncio.timeout(20):
        while len(shown := await client.looked_up(trunk, {"filter[code_id]": "100"})) < 2:
            await asyncio.sleep(0.1)
    reason = "the trunk's limit of 2 segments a day (UTC) is reached"
    assert {it["id"]: it["attributes"]["reason"] for it in shown} == dict.fromkeys(sent[2:4], reason)
    await operator.goto(f"/sms/trunks?name={trunk.name}")
    await expect(operator.get_by_role("row", name=trunk.name)).to_contain_text("Day's segments used up")
    await limit(client, trunk, segments_per_day=3)
    sent += [await client.send_through(trunk, new_destination()) for _ in range(2)]
    assert [ends(await client.told(trunk, 6))[it] for it in sent[4:]] == [("Success", None), refused]


async def test_what_is_too_much_for_a_number_is_told_by_callback_log_and_panel(
    client: OperatorClient, operator: Page
) -> None:
    """Set in the trunk's form, whose fields say what they are for; another number is served as ever."""
    trunk, flooded = await client.make_trunk(), new_destination()
    await operator.goto(f"/sms/trunks/{trunk.id}/edit")
    await operator.get_by_label("Messages per number", exact=False).first.fill("2")
    await operator.get_by_label("Minutes for a number", exact=False).fill("60")
    await expect(operator.locator("form").filter(has_text="Against pumping")).to_be_visible()
    await operator.get_by_role("button", name="Save").click()
    await operator.wait_for_url("**/sms/trunks*")
    await asyncio.sleep(IN_FORCE_SECONDS)
    sent = [await client.send_through(trunk, flooded) for _ in range(4)]
    sent.append(await client.send_through(trunk, new_destination()))
    refused, success = ("Routing error", 9), ("Success", None)
    told = ends(await client.told(trunk, 5))
    assert [told[it] for it in sent] == [success, success, refused, refused, success]
    async with asyncio.timeout(20):
        while len(shown := await client.looked_up(trunk, {"filter[code_id]": "9"})) < 2:
            await asyncio.sleep(0.1)
    reason = "the trunk's limit of 2 messages to one number in 60 minutes is reached"
    assert {it["id"]: it["attributes"]["reason"] for it in shown} == dict.fromkeys(sent[2:4], reason)


async def test_requests_beyond_a_limit_get_429(client: OperatorClient) -> None:
    """And nothing of them is sent."""
    trunk = await client.make_trunk()
    await limit(client, trunk, requests_per_second=3)
    answers = await asyncio.gather(
        *(client.send_as(trunk.username, trunk.password, new_destination()) for _ in range(12))
    )
    assert set(answers) == {201, 429}
    assert 3 <= answers.count(201) <= 6
    assert len(await client.told(trunk, answers.count(201))) == answers.count(201)
