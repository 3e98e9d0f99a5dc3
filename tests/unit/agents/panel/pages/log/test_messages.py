"""The Outbound SMS log and a message's page, as somebody sees them."""

import pytest

from agents.panel.pages import PAGES
from pipeline.errors import LogUnavailable
from schemas.directory.account import Account
from schemas.directory.people import PanelRole
from schemas.messages.callback import AttemptOutcome, WaitingNotification
from schemas.messages.status import CodeId, StatusName
from schemas.text.smart_encoding import ChangeStep, TextChange
from tests.builders import campaign
from tests.unit.agents.panel.logged import attempted, logged
from tests.unit.agents.panel.office import DIDS, OURS, THEIR_DID, THEIRS, Office, uuid
from tests.unit.agents.panel.site import call, key_for, logged_in, running

MINE, REFUSED, FOREIGN = uuid(90), uuid(91), uuid(92)


@pytest.fixture
def filled(office: Office) -> Office:
    """A message that went well but for its callback, one that was refused, one of another account."""
    office.add(office.trunk.model_copy(update={"callback_url": "https://customer.example/"}))
    sent = logged(
        office, MINE, uuid(1), OURS, destination="13105550001", client_reference="order <4711>", tags=("shop", "a,b")
    )
    attempted(office, sent, outcome=AttemptOutcome.FAILED, status_code=500, answer="<b>oops</b>")
    logged(
        office, REFUSED, uuid(1), OURS, destination="13105550002", status=StatusName.FAILED,
        code_id=CodeId.ROUTING_FAILED, reason="HTTP 400", client_reference="0001",
    )  # fmt: skip
    logged(office, FOREIGN, uuid(2), THEIRS, destination="13105550003", client_reference="0001")
    return office


async def read(office: Office, path: str, role: PanelRole = PanelRole.OWNER) -> tuple[int, str]:
    async with running(office, pages=PAGES) as site:
        await logged_in(site, role)
        answer = await site.client.get(path, allow_redirects=False)
        return answer.status, await answer.text() + answer.headers.get("Location", "")


async def test_the_log_shows_the_accounts_messages(filled: Office) -> None:
    """With their outcome in words, and nobody else's."""
    status, page = await read(filled, "/sms/log")
    assert status == 200
    assert "13105550001" in page
    assert "Routing failed" in page
    assert "13105550003" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("find=50001", {"13105550001"}),
        ("find=0001", {"13105550001", "13105550002"}),  # in a number, and as a reference
        ("find=order+<4711>", {"13105550001"}),
        ("find=order", set()),
        ("find=order+<4711>&status=Failed", set()),
        ("status=Failed", {"13105550002"}),
        ("status=not_sent", {"13105550002"}),
        ("status=Queued", set()),
        ("status=nonsense", {"13105550001", "13105550002"}),
        ("destination=%2B1+(310)+555-0001", set()),
        ("destination=%2B1(310)555-0001,13105550002", {"13105550001", "13105550002"}),
        ("destination=0002&destination_is=contains", {"13105550002"}),
        ("source=1", set()),
        (f"trunk={uuid(1)}", {"13105550001", "13105550002"}),
        (f"trunk={uuid(2)}", set()),
        ("range=custom&from=2026-11-22T18:00&to=2026-11-22T19:30", {"13105550001", "13105550002"}),
        ("from=2026-11-22T19:30&to=2026-11-22T20:30&zone=Europe/Berlin", {"13105550001", "13105550002"}),
        ("from=2026-11-22T19:30", set()),
    ],
)
async def test_each_filter_finds_what_it_says(filled: Office, query: str, found: set[str]) -> None:
    """A filter that makes no sense is none."""
    status, page = await read(filled, f"/sms/log?{query}")
    assert status == 200
    assert {number for number in ("13105550001", "13105550002", "13105550003") if f"{number}<" in page} == found


async def test_a_wrong_time_is_said_beside_its_field(filled: Office) -> None:
    """And nothing is searched."""
    status, page = await read(filled, "/sms/log?range=custom&from=yesterday")
    assert (status, "must be a date and a time" in page) == (422, True)
    status, page = await read(filled, "/sms/log?from=2026-11-22T19:00&to=2026-11-22T18:00")
    assert (status, "must be later than the beginning" in page) == (422, True)


async def test_an_id_leads_to_its_message(filled: Office) -> None:
    """Whoever has one pastes it into the search."""
    assert await read(filled, f"/sms/log?find={MINE}") == (303, f"/sms/log/{MINE}")


async def test_a_message_has_its_timeline(filled: Office) -> None:
    """What the other side has said is escaped; a carrier is named to operators alone."""
    status, page = await read(filled, f"/sms/log/{MINE}")
    assert status == 200
    assert "Callback, attempt 1: failed, 500" in page
    assert "&lt;b&gt;oops" in page
    assert "<b>oops" not in page


async def test_a_message_shows_what_it_is_called(filled: Office) -> None:
    """Its sender's own words are escaped; one without any has no such lines."""
    _, page = await read(filled, f"/sms/log/{MINE}")
    assert "<dt>Client reference</dt>" in page
    assert "order &lt;4711&gt;" in page
    assert '<span class="badge">a,b</span>' in page
    _, page = await read(filled, f"/sms/log/{REFUSED}")
    assert "<dt>Tags</dt>" not in page


async def test_another_accounts_message_is_not_there(filled: Office) -> None:
    """From outside nobody can tell it from one that does not exist."""
    assert (await read(filled, f"/sms/log/{FOREIGN}"))[0] == 404
    assert (await read(filled, f"/sms/log/{uuid(99)}"))[0] == 404
    assert (await read(filled, f"/sms/log/{FOREIGN}", PanelRole.OPERATOR))[0] == 200


async def test_texts_show_only_while_the_account_keeps_them(filled: Office) -> None:
    """Switched off they are not shown, though they may be there for some minutes more."""
    filled.add(Account(id=OURS, name="Ours", store_texts=True))
    logged(filled, uuid(95), uuid(1), OURS, text="a secret word")
    assert "a secret word" in (await read(filled, f"/sms/log/{uuid(95)}"))[1]
    assert "a secret word" in (await read(filled, "/sms/log"))[1]
    filled.add(Account(id=OURS, name="Ours"))
    assert "a secret word" not in (await read(filled, f"/sms/log/{uuid(95)}"))[1]
    assert "a secret word" not in (await read(filled, "/sms/log"))[1]


CHANGES = (
    TextChange(step=ChangeStep.REPLACED, before="\u200b", after="", count=1),
    TextChange(step=ChangeStep.REPLACED, before="’", after="'", count=2),
)


async def test_what_became_of_a_text_is_shown_and_sent_again(filled: Office) -> None:
    """On the message's page, in the management API, and in a callback that is sent again; the text where it is kept."""
    changed = {"text_changes": CHANGES, "national_language": "turkish"}
    filled.add(Account(id=OURS, name="Ours", store_texts=True))
    filled.add(filled.trunk.model_copy(update={"callback_url": "https://customer.example/"}))
    logged(filled, uuid(96), uuid(1), OURS, text="it's", **changed)
    page = (await read(filled, f"/sms/log/{uuid(96)}"))[1]
    for words in ("U+200B became nothing", "’ became &#39; (2 times)", "Turkish", "Text as sent", "3 replaced"):
        assert words in page
    assert "Changed in the text" not in (await read(filled, f"/sms/log/{MINE}"))[1]
    key = key_for(filled, PanelRole.OWNER)
    async with running(filled) as site:
        shown = (await (await call(site, key, "GET", f"/v3/outbound_messages/{uuid(96)}")).json())["data"]["attributes"]
        assert (shown["text_changes"], shown["national_language"], shown["sent_content"]) == (
            [it.model_dump() for it in CHANGES], "turkish", "it's",
        )  # fmt: skip
        plain = (await (await call(site, key, "GET", f"/v3/outbound_messages/{MINE}")).json())["data"]["attributes"]
        assert {"text_changes", "national_language", "sent_content"}.isdisjoint(plain)
    async with running(filled, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        answer = await site.client.post(
            f"/sms/log/{uuid(96)}/resend", data={"csrf_token": token}, headers={"Origin": site.origin},
            allow_redirects=False,
        )  # fmt: skip
        assert answer.status == 303
    waiting = WaitingNotification.from_bytes(filled.producer.records[-1].value or b"")
    assert (waiting.status.text_changes, waiting.status.national_language) == (CHANGES, "turkish")


async def test_a_callback_is_sent_again(filled: Office) -> None:
    """Once for each status, with the id that it had; it is audited, and a reader may not."""
    async with running(filled, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        answer = await site.client.post(
            f"/sms/log/{MINE}/resend", data={"csrf_token": token}, headers={"Origin": site.origin},
            allow_redirects=False,
        )  # fmt: skip
        assert answer.status == 303
    (record,) = filled.producer.records
    waiting = WaitingNotification.from_bytes(record.value or b"")
    assert waiting.status.webhook_id == f"{MINE}.processing"
    assert (waiting.attempt, waiting.resent_at) == (1, filled.now)
    assert record.topic == "sms.callback.retry.5s"
    assert filled.store.events[-1].action == "callback.resent"


async def test_without_the_log_a_page_says_so(filled: Office) -> None:
    """And the list of trunks is there all the same."""
    filled.log.failure = LogUnavailable("away")
    status, page = await read(filled, "/sms/log")
    assert (status, "The message log does not answer" in page) == (503, True)
    assert (await read(filled, "/sms/trunks"))[0] == 200
    filled.log.failure = LogUnavailable("the search takes too long: narrow it down", too_slow=True)
    status, page = await read(filled, "/sms/log")
    assert (status, "The search takes too long" in page) == (422, True)


async def test_a_message_names_its_campaign(filled: Office) -> None:
    """By its name while there is one; by its id where it is gone, or another account's."""
    filled.add(
        campaign(id=uuid(84), account_id=OURS, name="Doors 84", senders=DIDS[:1], trunk_ids=(uuid(1),)),
        campaign(id=uuid(85), account_id=THEIRS, name="Doors 85", senders=(THEIR_DID,), trunk_ids=(uuid(2),)),
    )
    for number, shown in ((84, "Doors 84"), (85, uuid(85)), (86, uuid(86))):
        logged(filled, uuid(900 + number), uuid(1), OURS, campaign_id=uuid(number))
        _, page = await read(filled, f"/sms/log/{uuid(900 + number)}")
        link = f'<a href="/sms/log?campaign={uuid(number)}" title="Its messages">{shown}</a>'
        assert f"<dt>Campaign</dt><dd>{link}</dd>" in page
        assert f"Campaign: {shown}</p>" in page
    assert "ampaign" not in (await read(filled, f"/sms/log/{MINE}"))[1].partition("<main")[2]
    _, page = await read(filled, "/sms/log")
    assert all(f'title="Campaign {shown}"' in page for shown in ("Doors 84", uuid(85), uuid(86)))
    assert "Doors 85" not in page


async def test_the_log_is_narrowed_down_to_a_campaign(filled: Office) -> None:
    """Offered where there is something to choose; what is chosen stays so when it is gone, and is nobody else's."""
    _, page = await read(filled, "/sms/log")
    assert 'name="campaign"' not in page
    filled.add(
        campaign(id=uuid(84), account_id=OURS, name="Doors <84>", senders=DIDS[:1], trunk_ids=(uuid(1),)),
        campaign(id=uuid(85), account_id=THEIRS, name="Doors 85", senders=(THEIR_DID,), trunk_ids=(uuid(2),)),
    )
    logged(filled, uuid(984), uuid(1), OURS, destination="13105550084", campaign_id=uuid(84))
    logged(filled, uuid(986), uuid(1), OURS, destination="13105550086", campaign_id=uuid(86))
    _, page = await read(filled, f"/sms/log?campaign={uuid(84)}")
    assert ("13105550084" in page, "13105550086" in page, "13105550001" in page) == (True, False, False)
    assert f'<option value="{uuid(84)}" selected>Doors &lt;84&gt;</option>' in page
    assert f"export.csv?campaign={uuid(84)}" in page
    for gone, found in ((86, True), (85, False)):
        _, page = await read(filled, f"/sms/log?campaign={uuid(gone)}")
        assert f'<option value="{uuid(gone)}" selected>{uuid(gone)}</option>' in page
        assert ("13105550086" in page, "13105550084" in page) == (found, False)


async def test_a_chosen_trunk_stays_chosen_when_it_is_deleted(filled: Office) -> None:
    """Its messages are still there; another account's trunk is not named."""
    filled.add(filled.trunk.model_copy(update={"deleted_at": filled.now}))
    for path in ("/sms/log", "/sms/scheduled"):
        _, page = await read(filled, f"{path}?trunk={uuid(1)}")
        assert f'<option value="{uuid(1)}" selected>{filled.trunk.name}</option>' in page
        _, page = await read(filled, f"{path}?trunk={uuid(2)}")
        assert f'<option value="{uuid(2)}" selected>{uuid(2)}</option>' in page
