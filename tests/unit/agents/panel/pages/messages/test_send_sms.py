"""Send SMS: the note below the text, in words."""

import html
import re
from decimal import Decimal
from typing import Any

import pytest

from agents.panel.pages import PAGES
from schemas.directory.people import PanelRole
from schemas.messages.submission import Submission
from schemas.text.smart_encoding import SmartEncoding
from tests.builders import campaign, did, trunk
from tests.unit.agents.panel.office import DIDS, NOT_P2P, OURS, THEIR_DID, THEIRS, Office, uuid
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
            "UCS-2 47 left 1 segment UCS-2 because of ’ U+2019 RIGHT SINGLE QUOTATION MARK at 3, 12, 17 … "
            "Smart encoding (replace) would make it GSM-7, 1 segment.",
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


async def test_the_note_says_what_the_trunks_smart_encoding_changes(office: Office) -> None:
    """Each change, what cannot be seen by its code, and no more than a few of them."""
    office.add(office.trunk.model_copy(update={"smart_encoding": SmartEncoding.REPLACE}))
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        shown = await note(site, token, {"text": "\u200b’’\u00a0“”–…"})
    words = " ".join(re.sub("<[^>]*>", " ", html.unescape(shown)).split())
    assert words == (
        "GSM-7 151 left 1 segment Changed by smart encoding: U+200B becomes nothing ’ becomes ' (2 times) "
        'U+00A0 becomes a space “ becomes " ” becomes " and 2 more'
    )


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


@pytest.mark.parametrize(
    ("fields", "send_at", "validity"),
    [
        ({"send_at": "2026-11-23T07:30"}, "2026-11-23T07:30:00+00:00", None),
        ({"send_at": "2026-11-23T07:30", "zone": "Europe/Berlin", "validity": "60"}, "2026-11-23T06:30:00+00:00", 3600),
        ({"validity": "4320"}, None, 259_200),
        ({"send_at": "", "zone": "Europe/Berlin", "validity": " "}, None, None),
    ],
)
async def test_a_message_is_sent_at_its_time(
    office: Office, fields: dict[str, str], send_at: str | None, validity: int | None
) -> None:
    """In the zone that was chosen; the window says when, and does not wait for the end of it."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        form = {"csrf_token": token, "source": DIDS[0], "destination": "13105557890", "text": "Hello", **fields}
        answer = await site.post(f"/sms/trunks/{uuid(1)}/send", **form)
        assert answer.status == 303
        page = await (await site.client.get(answer.headers["Location"])).text()
    submission = Submission.from_bytes(office.producer.records[-1].value or b"")
    assert (submission.send_at and submission.send_at.isoformat(), submission.validity_period) == (send_at, validity)
    assert ("It is sent at" in page) == (send_at is not None)
    assert 'href="/sms/scheduled"' in page if send_at else "Scheduled messages" not in page


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"send_at": "tomorrow"}, ["Send at: must be a date and a time, like 2026-11-22T18:00"]),
        ({"send_at": "2026-11-22T18:00"}, ["Send at: must be 1 minute to 35 days ahead"]),
        ({"send_at": "2027-01-31T18:00"}, ["Send at: must be 1 minute to 35 days ahead"]),
        ({"send_at": "2026-11-23T07:30", "zone": "Nowhere/At-all"}, ["Time zone: is none that is known here"]),
        ({"validity": "0"}, ["Validity in minutes: must be 1 to 4,320 minutes (72 hours)"]),
        ({"validity": "4321"}, ["Validity in minutes: must be 1 to 4,320 minutes (72 hours)"]),
        ({"validity": "1.5"}, ["Validity in minutes: must be a whole number"]),
        (
            {"send_at": "x", "validity": "x"},
            ["Send at: must be a date and a time", "Validity in minutes: must be a whole number"],
        ),
    ],
)
async def test_a_time_that_cannot_be_is_told_beside_its_field(
    office: Office, fields: dict[str, str], problems: list[str]
) -> None:
    """With what was typed still there, and nothing sent."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        form = {"csrf_token": token, "source": DIDS[0], "destination": "13105557890", "text": "Hello", **fields}
        answer = await site.post(f"/sms/trunks/{uuid(1)}/send", **form)
        page = await answer.text()
    words = " ".join(re.sub(r"<[^>]+>", " ", html.unescape(page)).split()).replace(" :", ":")
    assert answer.status == 422
    for problem in problems:
        assert problem in words
    assert all(f'value="{value}"' in page for name, value in fields.items() if name != "zone")
    assert office.producer.records == []


def doors(office: Office, **changes: Any) -> None:
    """Give the account another trunk, and a campaign that lets the first send from a number that is not for P2P."""
    office.add(trunk(id=uuid(3), account_id=OURS))
    about = {"id": uuid(84), "account_id": OURS, "name": "Doors", "senders": (NOT_P2P,), "trunk_ids": (uuid(1),)}
    office.add(campaign(**{**about, **changes}))


async def window(office: Office) -> str:
    """Return the Send window of the trunk."""
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.MEMBER)
        return await (await site.client.get(f"/sms/trunks/{uuid(1)}/send")).text()


async def test_campaigns_are_offered_where_the_trunk_has_any(office: Office) -> None:
    """None is chosen; what only they let it send from comes with them. Another trunk's and account's are not there."""
    doors(office, trunk_ids=(uuid(3),))
    doors(office, id=uuid(85), account_id=THEIRS, name="Theirs", senders=(THEIR_DID,), trunk_ids=(uuid(2),))
    page = await window(office)
    assert 'name="campaign"' not in page
    assert NOT_P2P not in page
    doors(office, senders=(NOT_P2P, DIDS[0]))
    office.add(did(asleep := "12125551239", account_id=OURS, p2p_enabled=False))
    doors(office, id=uuid(86), name="Asleep <1>", senders=(asleep,), blocked=True)
    page = await window(office)
    offered = re.findall(r"<option value=\"([^\"]*)\"( selected)?>([^<]*)</option>", page)
    assert [it for it in offered if it[0] in ("", uuid(84), uuid(86)) and it[2] != "UTC"] == [
        ("", " selected", "None"), (uuid(86), "", "Asleep &lt;1&gt; (blocked)"), (uuid(84), "", "Doors"),
    ]  # fmt: skip
    assert (NOT_P2P, "", f"{NOT_P2P} (within a campaign)") in offered
    assert (DIDS[0], "", DIDS[0]) in offered
    assert not any(it in page for it in (THEIR_DID, asleep))


async def test_a_campaigns_senders_are_found_when_they_are_searched_for(office: Office) -> None:
    """Behind what the trunk may send from by itself."""
    doors(office)
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.MEMBER)
        answer = await site.client.get(f"/sms/trunks/{uuid(1)}/sources?search={NOT_P2P[:4]}")
        assert (await answer.json())["numbers"][-1] == NOT_P2P


@pytest.mark.parametrize(
    ("changes", "fields", "reason"),
    [
        ({}, {}, None),
        ({}, {"source": DIDS[0]}, "the campaign does not cover the source"),
        ({"trunk_ids": (uuid(3),)}, {}, "the campaign does not cover the trunk"),
        ({"blocked": True}, {}, "the campaign is blocked"),
        (
            {"account_id": THEIRS, "senders": (THEIR_DID,), "trunk_ids": (uuid(2),)},
            {},
            "the account has no such campaign",
        ),
    ],
)
async def test_a_message_goes_within_its_campaign_or_not_at_all(
    office: Office, changes: dict[str, Any], fields: dict[str, str], reason: str | None
) -> None:
    """The note says in words why not (codes 10 and 11), and so does the form, beside the campaign."""
    doors(office, **changes)
    form = {"source": NOT_P2P, "campaign": uuid(84), "destination": "13105557890", "text": "Hello", **fields}
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        said = await note(site, token, form)
        answer = await site.post(f"/sms/trunks/{uuid(1)}/send", csrf_token=token, **form)
        page = await answer.text()
    if reason is None:
        assert (answer.status, "would not be sent" in said) == (303, False)
        assert Submission.from_bytes(office.producer.records[-1].value or b"").campaign_id == uuid(84)
    else:
        assert f"It would not be sent: {reason}" in said
        assert (answer.status, f'<a href="#campaign">Campaign</a>: {reason}' in page) == (422, True)
        assert office.producer.records == []


async def test_what_is_no_campaigns_id_is_told_beside_it(office: Office) -> None:
    """And nothing is sent."""
    doors(office)
    form = {"source": DIDS[0], "campaign": "Doors", "destination": "13105557890", "text": "Hello"}
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        answer = await site.post(f"/sms/trunks/{uuid(1)}/send", csrf_token=token, **form)
        assert (answer.status, "</a>: must be a UUID in lower case" in await answer.text()) == (422, True)
