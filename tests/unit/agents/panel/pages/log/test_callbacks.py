"""Callbacks of a trunk, as somebody sees them."""

import html
import re
from datetime import UTC, datetime

import pytest

from agents.panel.pages import PAGES
from pipeline.message_log.reading.search import Cursor
from schemas.directory.callback_options import CallbackEvent, CallbackOptions
from schemas.directory.people import PanelRole
from schemas.messages.callback import AttemptOutcome, WaitingNotification
from tests.unit.agents.panel.logged import attempted, logged
from tests.unit.agents.panel.office import OURS, Office, uuid
from tests.unit.agents.panel.site import logged_in, running

PATH = f"/sms/trunks/{uuid(1)}/callbacks"


@pytest.fixture
def filled(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Two notifications: one was accepted at once, one has failed twice."""
    office.add(office.trunk.model_copy(update={"callback_url": "https://customer.example/"}))
    good, bad = logged(office, uuid(90), uuid(1), OURS), logged(office, uuid(91), uuid(1), OURS)
    attempted(office, good, milliseconds=20)
    for number in (1, 2):
        attempted(
            office, bad, attempt=number, milliseconds=100 * number, outcome=AttemptOutcome.FAILED, status_code=503,
            answer="<i>busy</i>",
        )  # fmt: skip
    monkeypatch.setattr("agents.panel.pages.log.callbacks._now", lambda: office.now)
    return office


async def read(office: Office, path: str) -> str:
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.READ_ONLY)
        answer = await site.client.get(path)
        assert answer.status == 200
        return await answer.text()


async def post(office: Office, path: str, **form: str) -> tuple[int, str]:
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        answer = await site.client.post(
            path, data={"csrf_token": token, **form}, headers={"Origin": site.origin}, allow_redirects=False
        )
        return answer.status, await answer.text()


async def test_it_shows_how_they_go(filled: Office) -> None:
    """The share that was accepted, the time that answers take, and each attempt with what was answered."""
    page = await read(filled, PATH)
    assert "33.3 %" in page
    assert "100 ms" in page
    assert page.count(">503<") == 2
    assert "&lt;i&gt;busy" in page
    assert "Send test event" not in page


async def test_a_filter_leaves_the_others_out(filled: Office) -> None:
    """By outcome and by message; the figures stay those of the time."""
    assert (await read(filled, f"{PATH}?outcome=accepted")).count(">503<") == 0
    assert (await read(filled, f"{PATH}?message={uuid(91)}&outcome=failed")).count(">503<") == 2


async def test_the_list_of_trunks_says_that_an_endpoint_fails(filled: Office) -> None:
    """As long as its newest attempt has failed."""
    assert "Callbacks fail" in await read(filled, "/sms/trunks")
    attempted(filled, logged(filled, uuid(93), uuid(1), OURS), at=filled.now)
    assert "Callbacks fail" not in await read(filled, "/sms/trunks")


async def test_what_a_filter_finds_is_sent_again_once_each(filled: Office) -> None:
    """However many attempts a notification had."""
    status, _ = await post(filled, f"{PATH}/resend", outcome="failed", range="24")
    assert status == 303
    sent = [WaitingNotification.from_bytes(it.value or b"").status.message_id for it in filled.producer.records]
    assert sent == [uuid(91)]


async def test_a_test_event_goes_the_way_of_all_notifications(filled: Office) -> None:
    """It is signed, retried and listed like them; there is no such message."""
    status, _ = await post(filled, f"{PATH}/test")
    assert status == 303
    (record,) = filled.producer.records
    assert WaitingNotification.from_bytes(record.value or b"").status.trunk_id == uuid(1)
    assert filled.store.events[-1].action == "callback.resent"


async def test_a_page_follows_what_somebody_has_asked_for(filled: Office) -> None:
    """It polls the attempts, as its filter says, for a minute; others do not, nor does an older page."""
    async with running(filled, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        for action, form in (("test", {}), ("resend", {"outcome": "failed", "range": "24"})):
            answer = await site.client.post(
                f"{PATH}/{action}", data={"csrf_token": token, **form}, headers={"Origin": site.origin}
            )
            (address,) = re.findall(r'data-poll="([^"]+)"', await answer.text())
            assert address.startswith(f"{PATH}/state?range=24&amp;")
            state = await site.client.get(html.unescape(address))
            page = await state.text()
            assert "data-final" not in page
            assert "csrf_token" in page or not form  # where there is something to send again
        answer = await site.client.post(
            f"{PATH}/resend", data={"csrf_token": token, "message": uuid(99)}, headers={"Origin": site.origin}
        )
        page = await answer.text()
        assert ("nothing to send again" in page, "data-poll" in page) == (True, False)
    now = int(datetime.now(UTC).timestamp())
    for until in (str(now - 1), str(now + 3600), "9" * 30, "x", ""):
        assert "data-poll" not in await read(filled, f"{PATH}?until={until}")
        assert "data-final" in await read(filled, f"{PATH}/state?until={until}")
    assert "data-poll" not in await read(filled, f"{PATH}?until={now + 50}&after={Cursor(1, uuid(1), uuid(1))}")


async def test_what_was_filtered_is_no_attempt(filled: Office) -> None:
    """It is neither in the list nor in the figures, and the endpoint has not failed; the message's timeline has it."""
    message = logged(filled, uuid(92), uuid(1), OURS)
    attempted(filled, logged(filled, uuid(93), uuid(1), OURS), at=filled.now)
    attempted(filled, message, outcome=AttemptOutcome.FILTERED, at=filled.now)
    assert "50.0 %" in await read(filled, PATH)
    assert uuid(92) not in await read(filled, PATH)
    assert "Callbacks fail" not in await read(filled, "/sms/trunks")
    assert "Callback not posted: the trunk has not chosen this event" in await read(filled, f"/sms/log/{uuid(92)}")


@pytest.mark.parametrize(
    ("events", "receipts", "said"),
    [
        ((CallbackEvent.NOT_SENT,), False, "Failed"),
        ((CallbackEvent.DELIVERED,), True, "DELIVERED"),
        ((CallbackEvent.NOT_DELIVERED,), True, "UNKNOWN"),
        ((CallbackEvent.DELIVERED,), False, None),
    ],
)
async def test_a_test_event_is_one_that_the_trunk_has_chosen(
    filled: Office, events: tuple[CallbackEvent, ...], receipts: bool, said: str | None
) -> None:
    """Another one would be filtered; where it can hear of none it is told so."""
    trunk = filled.stored(uuid(1))
    filled.add(trunk.model_copy(update={"callbacks": CallbackOptions(events=events), "receipts_enabled": receipts}))
    status, _ = await post(filled, f"{PATH}/test")
    sent = [WaitingNotification.from_bytes(it.value or b"").status.status for it in filled.producer.records]
    assert (status, sent) == ((422, []) if said is None else (303, [said]))


async def test_what_is_not_chosen_is_not_sent_again(filled: Office) -> None:
    """Neither one message's nor what a filter finds; a page says why."""
    trunk = filled.stored(uuid(1))
    options = CallbackOptions(events=(CallbackEvent.NOT_SENT,))
    filled.add(trunk.model_copy(update={"callbacks": options}))
    status, page = await post(filled, f"/sms/log/{uuid(91)}/resend")
    assert (status, "has not chosen to hear" in page) == (422, True)
    assert (await post(filled, f"{PATH}/resend", outcome="failed", range="24"))[0] == 303
    assert filled.producer.records == []


async def test_a_trunk_without_an_endpoint_is_told_so(office: Office) -> None:
    """Nothing is written."""
    status, page = await post(office, f"{PATH}/test")
    assert (status, "has no callback URL" in page) == (422, True)
    assert office.producer.records == []
