"""What operators and owners do beside trunks: numbers, carriers, routes, users, API keys, accounts, the audit log."""

import secrets

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.browser import log_in, new_page
from tests.e2e.panel import OperatorClient, new_destination

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_wrong_password_tells_nothing_and_logging_out_ends_the_session(
    browser: Browser, client: OperatorClient
) -> None:
    """Unknown address and wrong password read the same; after Log out the pages lead to the log-in and back."""
    people = client.ready["panel"]
    async with new_page(browser, client.panel_url) as page:
        await page.goto("/numbers")
        for email in (people["owner_username"], f"{secrets.token_hex(4)}@example.com"):
            await page.get_by_label("Email").fill(email)
            await page.get_by_label("Password").fill("not the password")
            await page.get_by_role("button", name="Log in").click()
            await expect(page.get_by_role("alert")).to_have_text("Wrong email address or password.")
        await page.get_by_label("Email").fill(people["owner_username"])
        await page.get_by_label("Password").fill(people["owner_password"])
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("heading", name="Numbers")).to_be_visible()  # where it was going
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        await page.goto("/numbers")
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()


async def test_numbers_show_their_flag_and_who_uses_them(owner: Page, client: OperatorClient) -> None:
    """A number's row says whether it has P2P SMS and which trunks list it."""
    trunk = await client.make_trunk(sources=("12125551235",))
    await owner.goto("/numbers?number=1212555123")
    await expect(owner.get_by_role("row").filter(has_text="12125551236")).to_contain_text("Not enabled")
    row = owner.get_by_role("row").filter(has_text="12125551235")
    await expect(row).to_contain_text("Enabled")
    await expect(row).to_contain_text(trunk.name)
    await expect(owner.get_by_role("link", name="Import CSV")).to_have_count(0)  # that is for operators


async def test_an_import_names_every_bad_line_and_takes_all_or_nothing(operator: Page, client: OperatorClient) -> None:
    """A file with two bad lines changes nothing and says which; corrected, its numbers can send at once."""
    number = new_destination()
    await client.work_in_new_account(operator)  # other tests look at all numbers of the demo account
    await operator.goto("/numbers/import")
    for content, bad_lines in (
        (f"number,p2p_enabled\n{number},yes\nnonsense,yes\n{new_destination()},perhaps\n", ("Line 3", "Line 4")),
        (f"number,p2p_enabled\n{number},yes\n", ()),
    ):
        await operator.get_by_label("CSV file").set_input_files(
            {"name": "numbers.csv", "mimeType": "text/csv", "buffer": content.encode()}
        )
        await operator.get_by_role("button", name="Import").click()
        for line in bad_lines:
            await expect(operator.get_by_role("alert")).to_contain_text(line)
        if bad_lines:
            found = await client.api("GET", f"/v3/dids?filter[number]={number}")
            assert found["data"] == []
    await expect(operator.get_by_role("status").filter(has_text="1 added")).to_be_visible()
    trunk, destination = await client.make_trunk(), new_destination()
    credentials = trunk.username, trunk.password
    assert await client.status_within_a_second(201, *credentials, destination, source=number) == 201
    assert (await client.at_the_carrier(destination))[0]["source"] == number


async def test_a_carrier_and_a_route_to_it(operator: Page) -> None:
    """Both can be added, edited and deleted; a carrier that a route leads to stays, and says why."""
    name, prefix = f"Carrier {secrets.token_hex(3)}", f"999{secrets.randbelow(10**6):06}"
    await operator.goto("/carriers")
    await operator.get_by_role("link", name="Add carrier").click()
    await operator.get_by_label("Name", exact=True).fill(name)
    await operator.get_by_label("URL", exact=True).fill("not a url")
    await operator.get_by_role("button", name="Add").click()
    await expect(operator.get_by_role("alert")).to_contain_text("URL")
    await operator.get_by_label("URL", exact=True).fill("https://carrier.example/segments")
    await operator.get_by_role("button", name="Add").click()
    await expect(operator.get_by_role("row").filter(has_text=name)).to_be_visible()
    await operator.goto("/routes/new")
    await operator.get_by_label("Destination prefix").fill(prefix)
    await operator.get_by_label("Carrier", exact=True).select_option(name)
    await operator.get_by_role("button", name="Add").click()
    await operator.get_by_role("link", name=prefix, exact=True).click()
    await operator.get_by_label("Price per segment").fill("0.0066")
    await operator.get_by_role("button", name="Save").click()
    await expect(operator.get_by_role("row").filter(has_text=prefix)).to_contain_text("0.0066")

    async def delete(path: str, row: str) -> None:
        await operator.goto(path)
        await operator.get_by_role("row").filter(has_text=row).locator("summary").click()
        await operator.locator("details[open]").get_by_role("link", name="Delete").click()
        await operator.get_by_role("dialog").get_by_role("button", name="Delete").click()

    await delete("/carriers", name)
    await expect(operator.get_by_role("dialog").get_by_role("alert")).to_contain_text("1 route still leads to it")
    await delete("/routes", prefix)
    await expect(operator.get_by_role("status").filter(has_text="has been deleted")).to_be_visible()
    await delete("/carriers", name)
    await expect(operator.get_by_role("row").filter(has_text=name)).to_have_count(0)


async def test_a_new_user_logs_in_with_the_password_that_is_shown_once(
    owner: Page, browser: Browser, client: OperatorClient
) -> None:
    """The password works; a read-only user sees no way to change anything; blocked, the session ends at once."""
    email = f"{secrets.token_hex(4)}@example.com"
    await owner.goto("/users")
    await owner.get_by_role("link", name="Add user").click()
    dialog = owner.get_by_role("dialog")
    await dialog.get_by_label("Email").fill(email)
    await dialog.get_by_label("Role").select_option(index=0)
    await dialog.get_by_label("How they get in").select_option("A password that is made and shown to you once")
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog.get_by_role("heading", name="User added")).to_be_visible()
    password = await dialog.locator("[data-value]").inner_text()
    await dialog.get_by_role("link", name="Done").click()
    async with new_page(browser, client.panel_url) as page:
        await log_in(page, email, password)
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        await page.goto("/sms/trunks")
        await expect(page.get_by_text("Create New")).to_have_count(0)
        await expect(page.get_by_text("Batch Actions")).to_have_count(0)
        await page.goto(f"/sms/trunks/{client.trunk['id']}/credentials")
        await expect(page.get_by_role("button", name="Show password")).to_have_count(0)
        await page.goto("/carriers")
        await expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()
        await owner.get_by_role("row").filter(has_text=email).locator("summary").click()
        await owner.locator("details[open]").get_by_role("link", name="Edit").click()
        await owner.get_by_label("Blocked").check()
        await owner.get_by_role("dialog").get_by_role("button", name="Save").click()
        await expect(owner.get_by_role("status").filter(has_text="has been saved")).to_be_visible()
        await page.goto("/sms/trunks")
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()


async def test_an_api_key_is_shown_once_and_revoked_at_once(owner: Page, client: OperatorClient) -> None:
    """The key opens the management API for its own account until it is revoked; the list knows only its end."""
    name = f"Key {secrets.token_hex(4)}"
    await owner.goto("/api-keys")
    await owner.get_by_role("link", name="Create key").click()
    dialog = owner.get_by_role("dialog")
    await dialog.get_by_label("Name").fill(name)
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("heading", name="API key created")).to_be_visible()
    key = await dialog.locator("[data-value]").inner_text()
    await dialog.get_by_role("link", name="Done").click()
    row = owner.get_by_role("row").filter(has_text=name)
    await expect(row).to_contain_text(key[-4:])
    assert key not in await owner.content()

    async def status() -> int:
        headers = {"Authorization": f"Bearer {key}"}
        async with aiohttp.request("GET", f"{client.panel_url}/v3/sms_trunks", headers=headers) as answer:
            return answer.status

    assert await status() == 200
    await row.get_by_role("link", name=f"Revoke {name}").click()
    await owner.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(row).to_have_count(0)
    assert await status() == 401


async def test_an_operator_works_in_one_account_after_the_other(operator: Page, client: OperatorClient) -> None:
    """A new account is empty; the switch leads from one to the other, and its name is always in sight."""
    name = f"Customer {secrets.token_hex(4)}"
    await operator.goto("/accounts/new")
    await operator.get_by_label("Name").fill(name)
    await operator.get_by_role("button", name="Add").click()
    await expect(operator.get_by_role("navigation", name="Main")).to_contain_text(name)
    await operator.goto("/sms/trunks")
    await expect(operator.get_by_role("heading", name="No SMS trunks yet")).to_be_visible()
    await operator.goto("/accounts")
    await operator.get_by_role("button", name="Switch to Demo").click()
    await expect(operator.get_by_role("navigation", name="Main")).to_contain_text("Demo")
    await expect(operator.get_by_role("table", name="SMS trunks")).to_be_visible()


async def test_the_audit_log_shows_what_was_before_and_after(owner: Page, client: OperatorClient) -> None:
    """Who, when and from where; a change with its values, and no secret."""
    trunk = await client.make_trunk()
    await owner.goto(f"/sms/trunks/{trunk.id}/edit")
    await owner.get_by_label("Callback URL").fill("https://changed.example/status")
    await owner.get_by_role("button", name="Save").click()
    await expect(owner.get_by_role("status").filter(has_text="has been saved")).to_be_visible()
    await owner.goto(f"/audit?text={trunk.name.replace(' ', '+')}")
    row = owner.get_by_role("row").filter(has_text="Trunk updated").first
    await expect(row).to_contain_text(client.ready["panel"]["owner_username"])
    await row.get_by_text("1 change").click()
    await expect(row.locator("ins").filter(has_text="https://changed.example/status")).to_be_visible()
    await expect(row.locator("del").filter(has_text=trunk.inbox)).to_be_visible()
    assert trunk.password not in await owner.content()


async def test_who_is_invited_chooses_a_password(owner: Page, browser: Browser, client: OperatorClient) -> None:
    """The link leads to a form, once; then its password logs in, and the list says Active instead of Invited."""
    email = f"{secrets.token_hex(4)}@example.com"
    await owner.goto("/users")
    await owner.get_by_role("link", name="Add user").click()
    dialog = owner.get_by_role("dialog")
    await dialog.get_by_label("Email").fill(email)
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog.get_by_role("heading", name="User invited")).to_be_visible()
    link = await dialog.locator("[data-value]").inner_text()
    await dialog.get_by_role("link", name="Done").click()
    await expect(owner.get_by_role("row").filter(has_text=email)).to_contain_text("Invited")
    password = secrets.token_urlsafe(12)
    async with new_page(browser, client.panel_url) as page:
        await page.goto(link)
        for repeated in ("another one altogether", password):
            await page.get_by_label("Password", exact=True).fill(password)
            await page.get_by_label("Password again").fill(repeated)
            await page.get_by_role("button", name="Set password").click()
        await expect(page.get_by_text("Your password has been set.")).to_be_visible()
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        await page.goto(link)
        await expect(page.get_by_text("This invitation has been used, or is too old.")).to_be_visible()
    await owner.goto("/users")
    await expect(owner.get_by_role("row").filter(has_text=email)).to_contain_text("Active")
