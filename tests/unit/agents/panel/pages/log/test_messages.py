"""The Outbound SMS log and a message's page, as somebody sees them."""

import pytest

from agents.panel.pages import PAGES
from pipeline.errors import LogUnavailable
from schemas.callback import AttemptOutcome, WaitingNotification
from schemas.directory.account import Account
from schemas.directory.people import PanelRole
from schemas.status import CodeId, StatusName
from tests.unit.agents.panel.logged import attempted, logged
from tests.unit.agents.panel.office import OURS, THEIRS, Office, uuid
from tests.unit.agents.panel.site import logged_in, running

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
