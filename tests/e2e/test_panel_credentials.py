"""The credentials window and the signing secret: seen on demand, replaced on demand, in force at once."""

import base64
import hashlib
import hmac
import secrets

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.panel import MadeTrunk, OperatorClient, new_destination

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def window_of(page: Page, trunk: MadeTrunk) -> Locator:
    """Open the credentials window with the key icon."""
    await page.goto(f"/sms/trunks?name={trunk.name}")
    await page.get_by_role("link", name=f"Credentials of {trunk.name}").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", name="Credentials")).to_be_visible()
    return dialog


async def test_the_window_shows_everything_but_the_password(owner: Page, client: OperatorClient) -> None:
    """Username, hosts, addresses and sources are there; the password is in no answer until the eye is clicked."""
    trunk = await client.make_trunk(sources=("12125551234",))
    dialog = await window_of(owner, trunk)
    await expect(dialog).to_contain_text(trunk.username)
    await expect(dialog).to_contain_text(client.ready["ingress_url"])
    await expect(dialog).to_contain_text("All addresses")
    await expect(dialog).to_contain_text("12125551234")
    assert trunk.password not in await owner.content()
    async with owner.expect_response("**/credentials/reveal") as revealing:
        await dialog.get_by_role("button", name="Show password").click()
    revealed = await revealing.value
    assert (revealed.request.method, revealed.headers["cache-control"]) == ("POST", "no-store")
    await expect(dialog.locator("[data-shown]")).to_have_text(trunk.password)
    await dialog.get_by_role("button", name="Hide password").click()
    assert trunk.password not in await owner.content()
    for path in (
        f"/sms/trunks?name={trunk.name}",
        f"/sms/trunks/{trunk.id}/credentials",
        f"/sms/trunks/{trunk.id}/edit",
    ):
        answer = await owner.request.get(client.panel_url + path)
        assert answer.status == 200
        assert trunk.password not in await answer.text()
        assert answer.headers["cache-control"] == "no-store"
    await owner.goto("/audit")
    event = owner.get_by_role("row").filter(has_text=trunk.name).first
    await expect(event).to_contain_text("Password revealed")
    await expect(event).to_contain_text(client.ready["panel"]["owner_username"])
    await expect(event).to_contain_text("127.0.0.1")


async def test_username_and_password_can_be_copied(owner: Page, client: OperatorClient) -> None:
    """The copy buttons fill the clipboard; the password's does so without showing it."""
    trunk = await client.make_trunk()
    await owner.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog = await window_of(owner, trunk)
    for what, expected in (("username", trunk.username), ("password", trunk.password)):
        await dialog.get_by_role("button", name=f"Copy {what}").click()
        await expect(dialog.get_by_role("button", name=f"Copy {what}").locator("use")).to_have_attribute(
            "href", "#i-check"
        )
        assert await owner.evaluate("navigator.clipboard.readText()") == expected
    assert trunk.password not in await owner.content()


async def test_regenerate_refuses_the_old_password_within_a_second(owner: Page, client: OperatorClient) -> None:
    """Regenerate asks first; on demand the old password is answered 401 within a second, and the new one works."""
    trunk = await client.make_trunk()
    dialog = await window_of(owner, trunk)
    await dialog.get_by_role("link", name="Regenerate the password").click()
    await expect(dialog.get_by_role("heading", name="Regenerate the password?")).to_be_visible()
    assert await client.send_as(trunk.username, trunk.password, new_destination()) == 201  # nothing has happened yet
    await dialog.get_by_label("Keep the old one working for").select_option("Not at all: refuse it at once")
    await dialog.get_by_role("button", name="Regenerate").click()
    await expect(dialog.get_by_text("New password", exact=True)).to_be_visible()
    assert await client.status_within_a_second(401, trunk.username, trunk.password) == 401
    password = await dialog.locator("[data-value]").inner_text()
    assert password != trunk.password
    assert await client.send_as(trunk.username, password, new_destination()) == 201


async def test_regenerate_with_username_and_grace_period(owner: Page, client: OperatorClient) -> None:
    """With a grace period the old username and password keep working beside the new ones."""
    trunk = await client.make_trunk()
    dialog = await window_of(owner, trunk)
    await dialog.get_by_role("link", name="Regenerate the password").click()
    await dialog.get_by_label("Renew the username too").check()
    await dialog.get_by_label("Keep the old one working for").select_option("1 hour")
    await dialog.get_by_role("button", name="Regenerate").click()
    await expect(dialog.get_by_text("New username and password", exact=True)).to_be_visible()
    await expect(dialog).to_contain_text(f"({trunk.username}) also work until")
    username = await dialog.locator("[data-username]").inner_text()
    password = await dialog.locator("[data-value]").inner_text()
    assert username != trunk.username
    assert await client.status_within_a_second(201, username, password) == 201
    assert await client.send_as(trunk.username, trunk.password, new_destination()) == 201


async def test_rotating_the_signing_secret_with_an_overlap(owner: Page, client: OperatorClient) -> None:
    """The secret is shown on demand; after a rotation callbacks carry the signatures of both secrets."""
    trunk = await client.make_trunk()
    await owner.goto(f"/sms/trunks/{trunk.id}/edit")
    await owner.get_by_role("link", name="Callback signing secret").click()
    dialog = owner.get_by_role("dialog")
    await dialog.get_by_role("button", name="Show secret").click()
    old = await dialog.locator("[data-shown]").inner_text()
    await dialog.get_by_label("Both secrets sign for").select_option("1 day")
    await dialog.get_by_role("button", name="Rotate secret").click()
    await expect(dialog.get_by_text("New signing secret")).to_be_visible()
    new = await dialog.locator("[data-value]").inner_text()
    assert old.startswith("whsec_")
    assert new.startswith("whsec_")
    assert await client.send_as(trunk.username, trunk.password, new_destination()) == 201
    (callback,) = await client.wait_for(trunk.inbox, lambda entries: len(entries) == 1)
    headers = {name.lower(): value for name, value in callback["headers"].items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{callback['body']}".encode()
    expected = [
        "v1,"
        + base64.b64encode(
            hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
        ).decode()
        for secret in (new, old)
    ]
    assert headers["webhook-signature"].split(" ") == expected


async def test_examples_are_filled_in_when_the_password_is_shown(owner: Page, client: OperatorClient) -> None:
    """The URL, the username and a number at once; the password with the eye, and out again."""
    trunk = await client.make_trunk()
    dialog = await window_of(owner, trunk)
    example = dialog.locator("[data-example=curl] code")
    await expect(example).to_contain_text(f"{trunk.username}:YOUR_PASSWORD")
    await expect(example).to_contain_text(client.ready["ingress_url"] + "/outbound_messages")
    await dialog.get_by_role("button", name="Show password").click()
    await expect(example).to_contain_text(f"{trunk.username}:{trunk.password}")
    await dialog.get_by_role("button", name="Hide password").click()
    await expect(example).to_contain_text(f"{trunk.username}:YOUR_PASSWORD")
    assert trunk.password not in await owner.content()


async def test_who_is_not_in_the_allow_list_is_told(owner: Page, client: OperatorClient) -> None:
    """Before the first 401: the window says that one's own address is refused, and where to add it."""
    trunk = await client.make_trunk()
    for networks, is_told in (["203.0.113.0/24"], True), (["127.0.0.0/8"], False):
        configuration = {"type": "http_out", "allowed_ips": networks}
        attributes = {"data": {"type": "sms_trunks", "id": trunk.id, "attributes": {"configuration": configuration}}}
        await client.api("PATCH", f"/v3/sms_trunks/{trunk.id}", attributes)
        dialog = await window_of(owner, trunk)
        note = dialog.get_by_text("Your own address, 127.0.0.1, is not among the allowed ones")
        await expect(note).to_have_count(1 if is_told else 0)
        await owner.keyboard.press("Escape")


async def test_a_new_trunk_opens_its_credentials(owner: Page) -> None:
    """What one needs next is there; Done leads to the list."""
    name = f"New {secrets.token_hex(4)}"
    await owner.goto("/sms/trunks/new")
    await owner.get_by_label("Friendly name").fill(name)
    await owner.get_by_role("button", name="Create", exact=True).click()
    await expect(owner.get_by_role("heading", name="Credentials")).to_be_visible()
    await expect(owner.get_by_role("status").filter(has_text=f"{name} has been created")).to_be_visible()
    await owner.get_by_role("link", name="Done").click()
    await expect(owner.get_by_role("link", name=name, exact=True)).to_be_visible()
