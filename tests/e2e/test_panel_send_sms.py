"""The Send SMS window: the note below the text is the gateway's own count, and the status changes by itself."""

import random

import pytest
from playwright.async_api import Locator, Page, expect

from pipeline.steps.segmentation import lay_out
from pipeline.steps.smart_encoding import fit
from schemas.messages.mt_message import ENCODINGS
from schemas.text.smart_encoding import SmartEncoding
from tests.e2e.panel import OTHER_SOURCE, SOURCE, MadeTrunk, OperatorClient, new_destination

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

FIXED = (
    "",
    "a",
    "a" * 160,
    "a" * 161,
    "€" * 80,
    "€" * 81,
    "]" * 153,
    "a" * 152 + "€" + "a" * 152,
    "a" * 80 + "\n" + "a" * 79,  # browsers post CRLF, which would be one unit more
    "ж" * 70,
    "ж" * 71,
    "😀" * 35,
    "😀" * 67,
    "ж" * 66 + "😀" + "ж" * 66,
    "😀" + "]" * 69,
    "quote’s",
    "{}[]~|^\\",
    "\t",
)


def random_texts(count: int) -> list[str]:
    """Return texts around the limits, of characters of every cost."""
    chance = random.Random(4)
    kinds = ("abc xyz", "a€[]b", "жыa", "😀a", "é\u0301e", "a\nb")
    return ["".join(chance.choices(chance.choice(kinds), k=chance.randrange(1, 320))) for _ in range(count)]


async def window_of(page: Page, trunk: MadeTrunk) -> Locator:
    """Open the Send SMS window from the actions menu."""
    await page.goto(f"/sms/trunks?name={trunk.name}")
    await page.get_by_label(f"Actions for {trunk.name}").click()
    await page.get_by_role("link", name="Send SMS").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", name="Send SMS")).to_be_visible()
    return dialog


async def test_a_message_reaches_the_carrier_and_its_status_appears(owner: Page, client: OperatorClient) -> None:
    """Send: the practice carrier has the message, and the window says so without being loaded again."""
    trunk, destination = await client.make_trunk(), new_destination()
    dialog = await window_of(owner, trunk)
    loads: list[str] = []
    owner.on("load", lambda page: loads.append(page.url))
    await dialog.get_by_label("Source Address").select_option(OTHER_SOURCE)
    await dialog.get_by_label("Destination").fill(destination)
    await dialog.get_by_label("Text").fill("Line one\nLine two €")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.get_by_text("Handed to the carrier")).to_be_visible()
    await expect(dialog.get_by_text("1 of 1 segment accepted")).to_be_visible()
    (entry,) = await client.at_the_carrier(destination)
    assert (entry["source"], entry["text"]) == (OTHER_SOURCE, "Line one\nLine two €")
    await expect(dialog).to_contain_text(entry["message_id"])
    assert loads == []
    assert (await client.callbacks(trunk))[0]["status"] == "Success"


@pytest.mark.parametrize(
    ("destination", "ending", "detail"),
    [
        ("15005550000", "Delivered", "The carrier reports DELIVERED."),
        ("15005550002", "Failed", "UNDELIV (error 001)"),
    ],
)
async def test_with_receipts_the_window_ends_on_the_receipt(
    owner: Page, client: OperatorClient, destination: str, ending: str, detail: str
) -> None:
    """On a trunk with delivery receipts the hand-over is not the end: the window waits for what the carrier reports."""
    dialog = await window_of(owner, await client.make_trunk(receipts_enabled=True))
    await dialog.get_by_label("Destination").fill(destination)
    await dialog.get_by_label("Text").fill("Hello")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.get_by_text(ending, exact=True)).to_be_visible()
    await expect(dialog.get_by_text(detail)).to_be_visible()


async def test_with_receipts_the_window_goes_on_waiting_for_one_that_does_not_come(
    owner: Page, client: OperatorClient
) -> None:
    """The number that never reports."""
    dialog = await window_of(owner, await client.make_trunk(receipts_enabled=True))
    await dialog.get_by_label("Destination").fill("15005550007")
    await dialog.get_by_label("Text").fill("Hello")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.get_by_text("Waiting for its receipt.")).to_be_visible()


async def test_only_authorized_sources_are_offered(owner: Page, client: OperatorClient) -> None:
    """A trunk with a list offers that list; one with any DID all that have P2P SMS; one with none says so."""
    for sources, offered in (((OTHER_SOURCE,), [OTHER_SOURCE]), (None, [SOURCE, OTHER_SOURCE])):
        dialog = await window_of(owner, await client.make_trunk(sources=sources))
        await expect(dialog.get_by_label("Source Address").get_by_role("option")).to_have_text(offered)
    dialog = await window_of(owner, await client.make_trunk(sources=()))
    await expect(dialog.get_by_text("This trunk has no number to send from")).to_be_visible()


async def test_what_is_wrong_is_told_beside_its_field(owner: Page, client: OperatorClient) -> None:
    """A destination that is too short and a text that nothing can carry are refused with their reasons, and kept."""
    dialog = await window_of(owner, await client.make_trunk())
    await dialog.get_by_label("Destination").fill("+1 (555) 12")
    await dialog.get_by_label("Text").fill("Hello\x1b")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Destination")
    await expect(dialog.get_by_label("Destination")).to_have_attribute("aria-invalid", "true")
    await expect(dialog.get_by_label("Destination")).to_have_value("+1 (555) 12")


async def test_the_note_equals_the_gateways_count(owner: Page, client: OperatorClient) -> None:
    """Encoding, units left and segments of the note are those of the code that cuts the text, for many texts."""
    dialog = await window_of(owner, await client.make_trunk())
    note, field = dialog.locator("[data-note]"), dialog.get_by_label("Text")
    for text in (*FIXED, *random_texts(40)):
        found = lay_out(fit(text, SmartEncoding.OFF).text)
        if text:
            async with owner.expect_response("**/preview"):
                await field.fill(text)
        encoding = ENCODINGS[found.data_coding]
        expected = [encoding, f"{found.units_left} left", f"{len(found.parts)} segment"]
        for words in expected if text else [encoding, "160 left"]:
            await expect(note).to_contain_text(words)


async def test_the_note_follows_every_field(owner: Page, client: OperatorClient) -> None:
    """What makes the text UCS-2, with its place; and with a destination what the message would cost, or why not."""
    dialog = await window_of(owner, await client.make_trunk())
    note = dialog.locator("[data-note]")
    await dialog.get_by_label("Text").fill("quote’s")
    await expect(note).to_contain_text("U+2019 RIGHT SINGLE QUOTATION MARK at 6")
    await expect(note).not_to_contain_text("USD")
    await dialog.get_by_label("Destination").fill(new_destination())
    await expect(note).to_contain_text("0.0075 USD")
    await dialog.get_by_label("Destination").fill("+1 555")
    await expect(note).not_to_contain_text("USD")
