"""A message's page follows its message: while more of it may come, and no longer."""

from datetime import UTC, datetime, timedelta

import pytest

from agents.panel.pages import PAGES
from schemas.directory.people import PanelRole
from schemas.messages.status import MessageStatus
from tests.unit.agents.panel.logged import attempted, logged, scheduled
from tests.unit.agents.panel.office import OURS, Office, uuid
from tests.unit.agents.panel.site import logged_in, running

ENDED, WAITING, FOREIGN = uuid(90), uuid(91), uuid(92)


@pytest.fixture
def office_now(office: Office) -> Office:
    """One whose clock is right: pages look at the wall's."""
    office.now = datetime.now(UTC)
    return office


def ended_before(office: Office, ago: timedelta) -> MessageStatus:
    """Let the log know a message that was accepted, cut and sent all at one time."""
    now, office.now = office.now, office.now - ago
    ended = logged(office, ENDED, uuid(1), OURS, accepted_at=office.now, ended_at=office.now)
    office.now = now
    return ended


async def read(office: Office, path: str) -> tuple[int, str]:
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        answer = await site.client.get(path)
        return answer.status, await answer.text()


async def follows(office: Office, message_id: str, query: str = "") -> bool:
    """Tell whether the page asks for more, and see that what it asks for says the same of itself."""
    status, page = await read(office, f"/sms/log/{message_id}{query}")
    asks = f'data-poll="/sms/log/{message_id}/state{query}"' in page
    assert (status, asks) == (200, "data-final" not in page)
    status, state = await read(office, f"/sms/log/{message_id}/state{query}")
    assert (status, "data-final" not in state, "<html" in state) == (200, asks, False)
    return asks


@pytest.mark.parametrize(("seconds", "wanted"), [(5, True), (55, True), (65, False), (90_000, False)])
async def test_one_that_has_ended_is_followed_for_a_minute(office_now: Office, seconds: int, wanted: bool) -> None:
    """Its callbacks and receipts come behind its end, and the last of these counts."""
    sent = ended_before(office_now, timedelta(seconds=seconds))
    assert await follows(office_now, ENDED) is wanted
    attempted(office_now, sent, at=office_now.now - timedelta(seconds=1))
    assert await follows(office_now, ENDED)


@pytest.mark.parametrize(
    ("send_in", "wanted"),
    [
        (timedelta(hours=3), False),  # nobody looks at a page for three hours
        (timedelta(seconds=90), True),
        (-timedelta(minutes=9), True),
        (-timedelta(minutes=11), False),
    ],
)
async def test_one_that_is_scheduled_is_followed_around_its_time(
    office_now: Office, send_in: timedelta, wanted: bool
) -> None:
    now, office_now.now = office_now.now, office_now.now - timedelta(hours=4)
    scheduled(office_now, WAITING, uuid(1), send_at=now + send_in)
    assert await follows(office_now, WAITING) is wanted


async def test_who_has_asked_for_something_sees_what_comes_of_it(office_now: Office) -> None:
    """For a minute after *Resend callback*, however old the message is; what else stands there is worth nothing."""
    office_now.add(office_now.trunk.model_copy(update={"callback_url": "https://customer.example/"}))
    ended_before(office_now, timedelta(hours=2))
    async with running(office_now, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        answer = await site.client.post(
            f"/sms/log/{ENDED}/resend", data={"csrf_token": token}, headers={"Origin": site.origin},
            allow_redirects=False,
        )  # fmt: skip
        path, _, query = answer.headers["Location"].partition("?")
    assert path == f"/sms/log/{ENDED}"
    assert await follows(office_now, ENDED, f"?{query}")
    now = int(office_now.now.timestamp())
    for until in (str(now - 1), str(now + 3600), "9" * 30, "-1", "x", ""):
        _, page = await read(office_now, f"/sms/log/{ENDED}?until={until}")
        assert "data-poll" not in page


async def test_the_state_of_anothers_message_is_not_there(office_now: Office) -> None:
    logged(office_now, FOREIGN, uuid(2), uuid(3))
    assert (await read(office_now, f"/sms/log/{FOREIGN}/state"))[0] == 404
