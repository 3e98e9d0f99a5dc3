"""Callbacks of a trunk, as somebody sees them."""

import pytest

from agents.panel.pages import PAGES
from schemas.callback import AttemptOutcome, WaitingNotification
from schemas.directory.people import PanelRole
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


async def test_a_trunk_without_an_endpoint_is_told_so(office: Office) -> None:
    """Nothing is written."""
    status, page = await post(office, f"{PATH}/test")
    assert (status, "has no callback URL" in page) == (422, True)
    assert office.producer.records == []
