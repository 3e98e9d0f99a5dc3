"""Send SMS: the note below the text, in words."""

import re
from decimal import Decimal

import pytest

from agents.panel.pages import PAGES
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import DIDS, NOT_P2P, Office, uuid
from tests.unit.agents.panel.site import Site, logged_in, running


async def note(site: Site, token: str, fields: dict[str, str]) -> str:
    """Return the note for what is typed so far, as a script gets it."""
    headers = {"Origin": site.origin, "X-CSRF-Token": token, "X-Fragment": "1"}
    answer = await site.client.post(f"/sms/trunks/{uuid(1)}/preview", data=fields, headers=headers)
    assert answer.status == 200
    return await answer.text()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": ""}, "GSM-7 160 left 0 segments"),
        ({"text": "a\r\nb"}, "GSM-7 157 left 1 segment"),
        ({"text": "\x1b"}, "Text cannot be sent: the control character U+001B at position 0 cannot be sent"),
        (
            {"text": "It’s <b> it’s it’s it’s"},
            "UCS-2 47 left 1 segment UCS-2 because of ’ U+2019 RIGHT SINGLE QUOTATION MARK at 3, 12, 17 …",
        ),
        (
            {"text": "привет", "source": DIDS[0], "destination": "+1 310"},
            "UCS-2 64 left 1 segment UCS-2 because of п U+043F CYRILLIC SMALL LETTER PE at 1"
            " р U+0440 CYRILLIC SMALL LETTER ER at 2 и U+0438 CYRILLIC SMALL LETTER I at 3 and 3 more",
        ),
        (
            {"text": "Hello", "source": DIDS[0], "destination": "+1 (310) 555-7890"},
            "GSM-7 155 left 1 segment 0.01 USD",
        ),
        (
            {"text": "x" * 161, "source": DIDS[0], "destination": "13105557890"},
            "GSM-7 145 left 2 segments 0.02 USD , 0.01 USD each",
        ),
        (
            {"text": "Hello", "source": NOT_P2P, "destination": "13105557890"},
            "GSM-7 155 left 1 segment It would not be sent: the source is not enabled for Outbound P2P SMS",
        ),
    ],
)
async def test_the_note_below_a_text_says_what_would_become_of_it(
    office: Office, fields: dict[str, str], words: str
) -> None:
    """As far as the form is filled in, in a person's words, and nothing is sent."""
    office.add(office.route.model_copy(update={"price_per_segment": Decimal("0.01"), "currency": "USD"}))
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        shown = await note(site, token, fields)
    assert " ".join(re.sub("<[^>]*>", " ", shown).split()) == words
    assert office.producer.records == []


async def test_the_note_names_carriers_to_operators_alone(office: Office) -> None:
    """Both, where two routes share such messages; and that the price depends on which of them it is."""
    office.add(
        office.carrier.model_copy(update={"id": uuid(52), "name": "second"}),
        office.route.model_copy(update={"id": uuid(53), "carrier_id": uuid(52), "price_per_segment": Decimal("0.01")}),
    )
    fields = {"text": "Hello", "source": DIDS[0], "destination": "13105557890"}
    shown = {}
    for role in (PanelRole.OPERATOR, PanelRole.OWNER):
        async with running(office, pages=PAGES) as site:
            token = await logged_in(site, role)
            shown[role] = await note(site, token, fields)
    assert "by carrier or second" in shown[PanelRole.OPERATOR]
    assert not any(name in shown[PanelRole.OWNER] for name in ("carrier", "second"))
