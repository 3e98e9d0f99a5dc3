"""The trunk flows of the product page in a real browser: what the pipeline does afterwards is what counts."""

import re
import secrets

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.browser import log_in, new_page
from tests.e2e.panel import OTHER_SOURCE, SOURCE, OperatorClient, new_destination

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def find(page: Page, name: str) -> None:
    """Filter the list by a name."""
    await page.goto("/sms/trunks")
    await page.get_by_role("searchbox", name="Name").fill(name)
    await page.get_by_role("button", name="Filter").click()
    await expect(page.get_by_role("row").filter(has_text=name)).to_be_visible()


async def revealed(page: Page, name: str) -> tuple[str, str]:
    """Open a trunk's credentials window, click the eye, return username and password, close it."""
    await page.get_by_role("link", name=f"Credentials of {name}").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Show password").click()
    password = await dialog.locator("[data-shown]").inner_text()
    username = await dialog.locator("[data-username]").inner_text()
    await dialog.get_by_role("button", name="Close").click()
    return username, password


async def test_create_a_trunk_and_send_with_its_credentials(owner: Page, client: OperatorClient) -> None:
    """Create New, HTTP OUT, Create: the new trunk's credentials are accepted, and its callback URL is called."""
    inbox, destination = f"/inbox/{secrets.token_hex(6)}", new_destination()
    await owner.goto("/sms/trunks")
    await owner.get_by_text("Create New").click()
    await owner.get_by_role("link", name="HTTP OUT").click()
    name_field = owner.get_by_label("Friendly name")
    assert re.fullmatch(r"Outbound SMS trunk \d+", await name_field.input_value())
    await expect(owner.get_by_label("Allow any DID(s) for SMS OUT")).to_be_checked()
    name = await name_field.input_value()
    await owner.get_by_label("Callback URL").fill(client.ready["simulator_url"] + inbox)
    await owner.get_by_label("Allowed IP addresses").fill("127.0.0.0/8\n2001:db8::/32")
    await owner.get_by_role("button", name="Create", exact=True).click()
    await expect(owner.get_by_role("status").filter(has_text=f"{name} has been created")).to_be_visible()
    await find(owner, name)
    username, password = await revealed(owner, name)
    assert await client.send_as(username, password, destination) == 201
    (entry,) = await client.at_the_carrier(destination)
    assert entry["text"] == "Hello"
    callbacks = await client.wait_for(inbox, lambda entries: len(entries) == 1)
    assert len(callbacks) == 1


async def test_creating_names_every_bad_entry_and_creates_nothing(owner: Page, client: OperatorClient) -> None:
    """An empty name, a URL that is none and two bad addresses are all told at once, next to their fields."""
    before = (await client.api("GET", "/v3/sms_trunks"))["meta"]
    await owner.goto("/sms/trunks/new")
    await owner.get_by_label("Friendly name").fill(" ")
    await owner.get_by_label("Callback URL").fill("ftp://example.com")
    await owner.get_by_label("Allowed IP addresses").fill("10.0.0.1, 10.0.0.999\nnonsense")
    await owner.get_by_role("button", name="Create", exact=True).click()
    alert = owner.get_by_role("alert")
    await expect(alert).to_contain_text("Friendly name: must not be empty")
    await expect(alert).to_contain_text("must begin with http:// or https://")
    await expect(alert).to_contain_text("'10.0.0.999' is not an IPv4 or IPv6 address or network")
    await expect(alert).to_contain_text("'nonsense' is not an IPv4 or IPv6 address or network")
    for field in ("Friendly name", "Callback URL", "Allowed IP addresses"):
        await expect(owner.get_by_label(field)).to_have_attribute("aria-invalid", "true")
    await expect(owner.get_by_label("Allowed IP addresses")).to_have_value("10.0.0.1, 10.0.0.999\nnonsense")
    assert (await client.api("GET", "/v3/sms_trunks"))["meta"] == before


async def test_a_source_removed_in_the_picker_is_refused_with_code_8(owner: Page, client: OperatorClient) -> None:
    """Edit a trunk and remove one of its two sources: its next message comes back with code_id 8."""
    trunk = await client.make_trunk(sources=(SOURCE, OTHER_SOURCE))
    await find(owner, trunk.name)
    await owner.get_by_label(f"Actions for {trunk.name}").click()
    await owner.get_by_role("link", name="Edit").click()
    allowed = owner.get_by_role("listbox", name="Allowed Source Addresses")
    await expect(allowed.get_by_role("option")).to_have_text([SOURCE, OTHER_SOURCE])
    await allowed.get_by_role("option", name=OTHER_SOURCE).click()
    await owner.get_by_role("button", name="Remove", exact=True).click()
    await expect(allowed.get_by_role("option")).to_have_text([SOURCE])
    await owner.get_by_role("button", name="Save").click()
    await expect(owner.get_by_role("status").filter(has_text="has been saved")).to_be_visible()
    assert await client.send_as(trunk.username, trunk.password, new_destination(), source=OTHER_SOURCE) == 201
    (refused,) = await client.callbacks(trunk)
    assert (refused["status"], refused["code_id"]) == ("Routing error", 8)
    assert await client.send_as(trunk.username, trunk.password, new_destination(), source=SOURCE) == 201
    assert (await client.callbacks(trunk, 2))[1]["status"] == "Success"


async def test_the_picker_offers_only_p2p_enabled_numbers_and_moves_them(owner: Page, client: OperatorClient) -> None:
    """With the toggle off the two lists appear; search, Add, Add all and Remove all move numbers between them."""
    await owner.goto("/sms/trunks/new")
    available = owner.get_by_role("listbox", name="Available Source Addresses")
    allowed = owner.get_by_role("listbox", name="Allowed Source Addresses")
    await expect(available).to_be_hidden()
    await owner.get_by_label("Allow any DID(s) for SMS OUT").uncheck()
    await expect(available.get_by_role("option")).to_have_text([SOURCE, OTHER_SOURCE])  # and not 12125551236
    await owner.get_by_label("Search Available Source Addresses").fill("51235")
    await expect(available.get_by_role("option")).to_have_text([OTHER_SOURCE])
    await available.get_by_role("option").dblclick()
    await expect(allowed.get_by_role("option")).to_have_text([OTHER_SOURCE])
    await owner.get_by_label("Search Available Source Addresses").fill("")
    await expect(available.get_by_role("option")).to_have_text([SOURCE])
    await owner.get_by_role("button", name="Add all").click()
    await expect(allowed.get_by_role("option")).to_have_text([SOURCE, OTHER_SOURCE])
    await expect(available.get_by_role("option")).to_have_count(0)
    await owner.get_by_role("button", name="Remove all").click()
    await expect(allowed.get_by_role("option")).to_have_count(0)


async def test_a_blocked_trunk_sends_nothing(owner: Page, client: OperatorClient) -> None:
    """Blocked in the form, the trunk's messages come back with code_id 5; the list says so and can be filtered."""
    trunk = await client.make_trunk()
    await owner.goto(f"/sms/trunks/{trunk.id}/edit")
    await owner.get_by_label("Blocked").check()
    await owner.get_by_role("button", name="Save").click()
    await expect(owner.get_by_role("status").filter(has_text="has been saved")).to_be_visible()
    assert await client.send_as(trunk.username, trunk.password, new_destination()) == 201
    (refused,) = await client.callbacks(trunk)
    assert (refused["status"], refused["code_id"]) == ("Routing error", 5)
    await owner.get_by_label("Status").select_option("Blocked")
    await owner.get_by_role("button", name="Filter").click()
    row = owner.get_by_role("row").filter(has_text=trunk.name)
    await expect(row.get_by_text("Blocked")).to_be_visible()
    await owner.get_by_label("Status").select_option("Active")
    await owner.get_by_role("button", name="Filter").click()
    await expect(row).to_have_count(0)


async def test_the_second_of_two_editors_is_told(owner: Page, browser: Browser, client: OperatorClient) -> None:
    """Nothing is overwritten in silence: the second one sees what differs, and saving again is a decision."""
    trunk = await client.make_trunk()
    people = client.ready["panel"]
    await owner.goto(f"/sms/trunks/{trunk.id}/edit")
    async with new_page(browser, client.panel_url) as second:
        await log_in(second, people["username"], people["password"])
        await second.goto(f"/sms/trunks/{trunk.id}/edit")
        await owner.get_by_label("Callback URL").fill("https://first.example/status")
        await owner.get_by_role("button", name="Save").click()
        await expect(owner.get_by_role("status").filter(has_text="has been saved")).to_be_visible()
        await second.get_by_label("Callback URL").fill("https://second.example/status")
        await second.get_by_role("button", name="Save").click()
        told = second.get_by_role("alert")
        await expect(told).to_contain_text(f"Somebody else has changed this trunk ({people['owner_username']}")
        await expect(told.get_by_role("row").nth(1)).to_contain_text("https://first.example/status")
        await expect(told.get_by_role("row").nth(1)).to_contain_text("https://second.example/status")
        saved = await client.api("GET", f"/v3/sms_trunks/{trunk.id}")
        assert saved["data"]["attributes"]["configuration"]["callback_url"] == "https://first.example/status"
        await second.get_by_role("button", name="Save").click()
        await expect(second.get_by_role("status").filter(has_text="has been saved")).to_be_visible()
    saved = await client.api("GET", f"/v3/sms_trunks/{trunk.id}")
    assert saved["data"]["attributes"]["configuration"]["callback_url"] == "https://second.example/status"


async def test_delete_a_trunk_from_its_menu(owner: Page, client: OperatorClient) -> None:
    """The pop-up names the trunk; after Delete its credentials are refused within a second. Cancel deletes nothing."""
    trunk = await client.make_trunk()
    await find(owner, trunk.name)
    for answer in ("Cancel", "Delete"):
        await owner.get_by_label(f"Actions for {trunk.name}").click()
        await owner.locator("details[open]").get_by_role("link", name="Delete").click()
        dialog = owner.get_by_role("dialog")
        await expect(dialog.get_by_role("listitem")).to_have_text([trunk.name])
        assert await client.send_as(trunk.username, trunk.password, new_destination()) == 201
        await dialog.get_by_role("button" if answer == "Delete" else "link", name=answer).click()
        await expect(dialog).to_be_hidden()
    await expect(owner.get_by_role("status").filter(has_text=f"{trunk.name} has been deleted")).to_be_visible()
    assert await client.status_within_a_second(401, trunk.username, trunk.password) == 401
    # What was accepted before still finishes and is called back.
    assert [it["status"] for it in await client.callbacks(trunk, 2)][:2] == ["Success", "Success"]


async def test_batch_delete_names_the_checked_trunks(owner: Page, client: OperatorClient) -> None:
    """Batch Actions, Delete Trunks: the pop-up names the checked ones, and they go while the others stay."""
    mark = secrets.token_hex(4)
    trunks = [await client.make_trunk(f"Batch {mark} {n}") for n in (1, 2, 3)]
    await owner.goto(f"/sms/trunks?name={mark}")
    for trunk in trunks[:2]:
        await owner.get_by_label(f"Select {trunk.name}").check()
    await expect(owner.get_by_text("2 selected")).to_be_visible()
    await owner.get_by_text("Batch Actions").click()
    await owner.get_by_role("button", name="Delete Trunks").click()
    dialog = owner.get_by_role("dialog")
    await expect(dialog.get_by_role("heading")).to_have_text("Delete 2 trunks")
    await expect(dialog.get_by_role("listitem")).to_have_text([trunk.name for trunk in trunks[:2]])
    await dialog.get_by_role("button", name="Delete").click()
    await expect(owner.get_by_role("status").filter(has_text="2 trunks deleted")).to_be_visible()
    for trunk, status in zip(trunks, (401, 401, 201), strict=True):
        assert await client.status_within_a_second(status, trunk.username, trunk.password) == status


async def test_nothing_is_offered_to_delete_until_something_is_checked(owner: Page, client: OperatorClient) -> None:
    """Delete Trunks is off until a box is ticked; the box above ticks the whole page."""
    mark = secrets.token_hex(4)
    for n in (1, 2):
        await client.make_trunk(f"{mark} {n}")
    await owner.goto(f"/sms/trunks?name={mark}")
    await owner.get_by_text("Batch Actions").click()
    await expect(owner.get_by_role("button", name="Delete Trunks")).to_be_disabled()
    await owner.get_by_label("Select all trunks on this page").check()
    await expect(owner.get_by_text("2 selected")).to_be_visible()


async def test_the_list_is_filtered_sorted_and_paged(owner: Page, client: OperatorClient) -> None:
    """Columns sort both ways with numbers in their natural order, and every page keeps filter and order."""
    mark = secrets.token_hex(4)
    for n in range(1, 28):
        await client.make_trunk(f"Sorted {mark} {n}")
    await owner.goto(f"/sms/trunks?name={mark}")
    names = owner.locator("td.lead a")
    await expect(names).to_have_text([f"Sorted {mark} {n}" for n in range(1, 26)])
    await expect(owner.get_by_text("1–25 of 27 trunks")).to_be_visible()
    await owner.get_by_role("link", name="Next page").click()
    await expect(names).to_have_text([f"Sorted {mark} {n}" for n in (26, 27)])
    await owner.get_by_role("link", name="Name", exact=True).click()
    await expect(owner.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")
    await expect(names.first).to_have_text(f"Sorted {mark} 27")
    await owner.get_by_label("Rows").select_option("50")
    await expect(names).to_have_count(27)
    await expect(names.first).to_have_text(f"Sorted {mark} 27")
    await owner.goto(f"/sms/trunks?name={mark}x")
    await expect(owner.get_by_role("heading", name="No trunk matches")).to_be_visible()
