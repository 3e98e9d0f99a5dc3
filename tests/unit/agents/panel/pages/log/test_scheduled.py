"""What is scheduled, as somebody sees it and takes it back."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from agents.panel.operations.log import scheduled as operations
from agents.panel.pages import PAGES
from agents.panel.pages.log import scheduled as pages
from pipeline.errors import BrokerUnreachable, LogUnavailable, NotAcknowledged
from schemas.directory.people import PanelRole
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.status import StatusName
from tests.unit.agents.panel.logged import logged, scheduled, wished
from tests.unit.agents.panel.office import OURS, Office, uuid
from tests.unit.agents.panel.site import Site, logged_in, running

ONE, TWO, THREE, FOREIGN, BULK = uuid(90), uuid(91), uuid(92), uuid(93), uuid(95)


@pytest.fixture
def waiting(office: Office) -> Office:
    """One message alone, two of a bulk, and somebody else's."""
    scheduled(office, ONE, uuid(1), destination="13105550001", send_at=office.now + timedelta(hours=3))
    scheduled(office, TWO, uuid(1), destination="13105550002", bulk_id=BULK)
    scheduled(office, THREE, uuid(1), destination="13105550003", bulk_id=BULK, send_at=office.now + timedelta(hours=2))
    scheduled(office, FOREIGN, uuid(2), destination="13105550004")
    return office


async def read(site: Site, path: str) -> str:
    answer = await site.client.get(path, allow_redirects=False)
    assert answer.status == 200, answer.status
    return await answer.text()


def rows(page: str) -> list[str]:
    """Return the words of each row, in order."""
    body = re.findall(r"<tr>(.*?)</tr>", page.partition("<tbody>")[2], re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in body]


def asked(office: Office) -> list[tuple[str, str, bool | None]]:
    found = [CancelRequest.from_bytes(it.value or b"") for it in office.producer.records]
    return [(it.trunk_id, it.id, it.bulk) for it in found]


async def test_what_waits_is_listed_by_its_time(waiting: Office) -> None:
    """The next first, in the zone that was chosen; nobody else's, and none that was never scheduled."""
    logged(waiting, uuid(96), uuid(1), OURS, destination="13105550009")
    async with running(waiting, pages=PAGES) as site:
        await logged_in(site, PanelRole.READ_ONLY)
        found = rows(await read(site, "/sms/scheduled"))
        assert [re.findall(r"1310555\d{4}", it) for it in found] == [
            ["13105550002"], ["13105550003"], ["13105550001"],
        ]  # fmt: skip
        assert found[0].startswith("2026-11-22 20:00:00")
        berlin = await read(site, "/sms/scheduled?zone=Europe/Berlin")
        assert rows(berlin)[0].startswith("2026-11-22 21:00:00")
        assert "To be sent (Europe/Berlin)" in berlin
        assert "Cancel" not in berlin  # who only reads takes nothing back


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("destination=0002", 1), ("destination=0002,%2B1(310)555-0001", 2), ("destination=777", 0), (f"bulk={BULK}", 2),
        (f"trunk={uuid(1)}", 3), (f"trunk={uuid(2)}", 0), ("zone=Nowhere/At-all", 3), ("after=nonsense", 3),
    ],
)  # fmt: skip
async def test_each_filter_finds_what_it_says(waiting: Office, query: str, count: int) -> None:
    """One that finds nothing says so, and leads back to all."""
    async with running(waiting, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        page = await read(site, f"/sms/scheduled?{query}")
        assert len(rows(page)) == count
        assert ("No scheduled message matches" in page) == (count == 0)


async def test_nothing_is_scheduled(office: Office) -> None:
    """The page says how something would be."""
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        assert "Nothing is scheduled" in await read(site, "/sms/scheduled")


async def test_there_are_pages(waiting: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message is on one of them, and they lead on and back."""
    monkeypatch.setattr(pages, "SIZE", 2)
    async with running(waiting, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        first = await read(site, "/sms/scheduled")
        later = re.search(r'href="(/sms/scheduled\?after=[^"]+)"', first)
        assert later is not None
        last = await read(site, html.unescape(later[1]))
        assert [len(rows(it)) for it in (first, last)] == [2, 1]
        assert 'href="/sms/scheduled">First' in last
        assert "Later" not in last


async def test_several_are_taken_back_after_a_question(waiting: Office) -> None:
    """It names them; then their rows say that it is being done, at once and not only when the log has heard of it."""
    async with running(waiting, pages=PAGES) as site:
        await logged_in(site, PanelRole.MEMBER)
        question = await read(site, f"/sms/scheduled/cancel?id={ONE}&id={TWO}")
        assert "13105550001, at 2026-11-22 22:00:00 UTC" in question
        assert "13105550002" in question
        token = await site.token_of("/sms/scheduled")
        assert asked(waiting) == []
        answer = await site.post("/sms/scheduled/cancel", csrf_token=token, id=[ONE, TWO])
        assert (answer.status, answer.headers["Location"]) == (303, "/sms/scheduled")
        assert asked(waiting) == [(uuid(1), ONE, None), (uuid(1), TWO, None)]
        page = await read(site, "/sms/scheduled")
        assert "Asked to cancel 2 messages" in page
        assert ["Being canceled" in it for it in rows(page)] == [True, False, True]
        assert page.count("data-poll=") == 2
        state = await read(site, f"/sms/scheduled/{ONE}/state")
        assert "data-final" not in state
        logged(waiting, ONE, uuid(1), OURS, status=StatusName.CANCELED, segments_sent=0, destination="13105550001",
               ended_at=waiting.now)  # fmt: skip
        state = await read(site, f"/sms/scheduled/{ONE}/state")
        assert "Canceled" in state
        assert "data-final" in state
        assert "Canceled Not sent" in rows(await read(site, "/sms/scheduled"))[2]


async def test_a_bulk_is_taken_back_after_a_question(waiting: Office) -> None:
    """With one wish, and both of its messages show it."""
    async with running(waiting, pages=PAGES) as site:
        await logged_in(site, PanelRole.MEMBER)
        question = await read(site, f"/sms/scheduled/cancel-bulk?bulk={BULK}")
        assert "2 messages, of which 2 wait for their time" in question
        token = await site.token_of("/sms/scheduled")
        assert (await site.post("/sms/scheduled/cancel-bulk", csrf_token=token, bulk=BULK)).status == 303
        assert asked(waiting) == [(uuid(1), BULK, True)]
        found = rows(await read(site, "/sms/scheduled"))
        assert ["Being canceled With its bulk" in it for it in found] == [True, True, False]


async def test_what_was_too_late_says_so(waiting: Office) -> None:
    """For an hour; then it is the log's alone."""
    logged(waiting, ONE, uuid(1), OURS, ended_at=waiting.now, destination="13105550001")
    logged(waiting, TWO, uuid(1), OURS, ended_at=waiting.now - timedelta(hours=2), destination="13105550002")
    wished(waiting, ONE, uuid(1))
    async with running(waiting, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        found = rows(await read(site, "/sms/scheduled"))
        assert len(found) == 2
        assert "Success Too late to cancel it" in found[1]


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (BrokerUnreachable("away"), "nothing has been canceled"),
        (NotAcknowledged("silent"), "it may or may not be canceled"),
    ],
)
async def test_a_silent_broker_is_said_and_asked_again(waiting: Office, failure: Exception, words: str) -> None:
    """The question is there again, with what it was about."""
    waiting.producer.failure = failure
    async with running(waiting, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        token = await site.token_of("/sms/scheduled")
        for path, form in (("cancel", {"id": ONE}), ("cancel-bulk", {"bulk": BULK})):
            answer = await site.post(f"/sms/scheduled/{path}", csrf_token=token, **form)
            page = await answer.text()
            assert (answer.status, words in page) == (503, True)
            assert f'value="{next(iter(form.values()))}"' in page


@pytest.mark.parametrize(
    "path", [f"cancel?id={FOREIGN}", f"cancel?id={ONE}&id={FOREIGN}", "cancel?id=nonsense", f"cancel-bulk?bulk={ONE}"]
)
async def test_nobody_takes_back_what_is_not_theirs(waiting: Office, path: str) -> None:
    """It is not there, neither to be asked about nor to be canceled."""
    async with running(waiting, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        assert (await site.client.get(f"/sms/scheduled/{path}")).status == 404
        token = await site.token_of("/sms/scheduled")
        action, _, query = path.partition("?")
        form: dict[str, Any] = {}
        for part in query.split("&"):
            name, _, value = part.partition("=")
            form.setdefault(name, []).append(value)
        assert (await site.post(f"/sms/scheduled/{action}", csrf_token=token, **form)).status == 404
    assert waiting.producer.records == []


async def test_a_message_is_taken_back_from_its_page(waiting: Office) -> None:
    """While it waits and nobody has asked yet; the question leads back to it, and its timeline tells of it."""
    async with running(waiting, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        page = await read(site, f"/sms/log/{ONE}")
        assert "Scheduled for 2026-11-22 22:00:00 UTC" in page
        assert f"/sms/scheduled/cancel?id={ONE}&amp;from=message" in page
        token = await site.token_of("/sms/scheduled")
        form = {"csrf_token": token, "id": ONE, "from": "message"}
        answer = await site.post("/sms/scheduled/cancel", **form)
        assert answer.headers["Location"] == f"/sms/log/{ONE}"
        wished(waiting, ONE, uuid(1))
        page = await read(site, f"/sms/log/{ONE}")
        assert "Asked to cancel the message" in page
        assert "/sms/scheduled/cancel" not in page


async def test_without_the_log_a_page_says_so(waiting: Office) -> None:
    """What waits is known to the log alone, and nothing is taken back blindly."""
    waiting.log.failure = LogUnavailable("away")
    async with running(waiting, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        for path in ("", f"/cancel?id={ONE}", f"/cancel-bulk?bulk={BULK}"):
            answer = await site.client.get(f"/sms/scheduled{path}")
            assert (answer.status, "The message log does not answer" in await answer.text()) == (503, True)


async def test_what_was_asked_for_is_remembered_within_bounds(waiting: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log has it soon: the oldest make room."""
    monkeypatch.setattr(operations, "MAX_ASKED", 1)
    actor = waiting.actor()
    await waiting.operations.scheduled.cancel(actor, [ONE, TWO])
    page = await waiting.operations.scheduled.page(actor, OURS, 10)
    assert {it for it, _ in page.wishes} == {TWO}
