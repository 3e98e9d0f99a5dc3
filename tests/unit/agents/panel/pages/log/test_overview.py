"""The first page, as somebody sees it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from agents.panel.pages import PAGES
from pipeline.errors import LogUnavailable
from schemas.directory.account import Did
from schemas.directory.people import PanelRole
from schemas.directory.trunk import Trunk
from schemas.messages.callback import AttemptOutcome
from schemas.messages.status import CodeId, StatusName
from tests.unit.agents.panel.logged import attempted, logged
from tests.unit.agents.panel.office import OURS, THEIRS, Office, uuid
from tests.unit.agents.panel.site import logged_in, running


@pytest.fixture
def filled(office: Office) -> Office:
    """Four messages that were sent, two that were not, one of another account; a callback that failed."""
    office.add(office.trunk.model_copy(update={"callback_url": "https://customer.example/"}))
    now = datetime.now(UTC)
    for n in range(4):
        at = now - timedelta(minutes=40 * n + 1)
        sent = logged(
            office, uuid(200 + n), uuid(1), OURS, accepted_at=at, ended_at=at + timedelta(milliseconds=40),
            price_per_segment=Decimal("0.0045"), currency="USD",
        )  # fmt: skip
    attempted(office, sent, outcome=AttemptOutcome.FAILED, at=now, milliseconds=70)
    for n in range(2):
        logged(
            office, uuid(300 + n), uuid(1), OURS, accepted_at=now - timedelta(minutes=2), ended_at=now,
            status=StatusName.ROUTING_ERROR, code_id=CodeId.SOURCE_NOT_ALLOWED, segments_sent=0,
        )  # fmt: skip
    logged(office, uuid(400), uuid(2), THEIRS, accepted_at=now - timedelta(minutes=2), ended_at=now)
    return office


async def read(office: Office, path: str, role: PanelRole = PanelRole.OWNER) -> str:
    async with running(office, pages=PAGES) as site:
        await logged_in(site, role)
        answer = await site.client.get(path)
        assert answer.status == 200
        return " ".join((await answer.text()).split())


async def test_the_first_page_says_how_messages_fare(filled: Office) -> None:
    """Counts, rates, spend, codes with their meaning, the worst trunk and endpoint; without the other account's."""
    page = await read(filled, "/")
    assert '<dt>Messages</dt><dd class="num">6</dd>' in page
    assert '<dt>Sent</dt><dd class="num">66.7 %</dd>' in page
    assert '<dt>Median until sent</dt><dd class="num">&le; 50 ms</dd>' in page
    assert "<div>0.018 USD</div>" in page
    assert "SMS source address is not allowed" in page
    assert f"/sms/log?trunk={uuid(1)}&amp;status=not_sent" in page
    assert f"/sms/trunks/{uuid(1)}/callbacks" in page
    assert page.count("url(#p-not_sent)") >= 2, "the picture has a bar with what was not sent, and the legend"


async def test_a_trunk_and_a_time_narrow_it_down(filled: Office) -> None:
    """The last hour has four of them; a trunk of others is as good as none."""
    assert '<dt>Messages</dt><dd class="num">4</dd>' in await read(filled, "/overview?range=1h")
    assert '<dt>Messages</dt><dd class="num">6</dd>' in await read(filled, f"/overview?trunk={uuid(1)}")
    assert '<dt>Messages</dt><dd class="num">6</dd>' in await read(filled, f"/overview?trunk={uuid(2)}&range=x&of=all")


async def test_operators_see_everything_together(filled: Office) -> None:
    """Also before they have chosen an account."""
    assert '<dt>Messages</dt><dd class="num">7</dd>' in await read(filled, "/overview?of=all", PanelRole.OPERATOR)
    assert '<dt>Messages</dt><dd class="num">7</dd>' in await read(filled, "/overview", PanelRole.OPERATOR)


async def test_getting_started_goes_on_until_it_is_done(filled: Office) -> None:
    """Each step says what to do until it is done; the list goes when all are."""
    page = await read(filled, "/overview")
    assert "Getting started" in page
    assert page.count("Done: ") == 3
    assert "A verified callback" in page
    sent = logged(filled, uuid(500), uuid(1), OURS)
    attempted(filled, sent, outcome=AttemptOutcome.ACCEPTED)
    assert "Getting started" not in await read(filled, "/overview")


async def test_a_new_account_begins_with_a_number(office: Office) -> None:
    """And with pictures of nothing."""
    held = office.store.directory
    office.remove(*held.entries(Trunk), *held.entries(Did))
    page = await read(office, "/overview")
    assert "Done: " not in page
    assert "No messages in this time" in page


async def test_without_a_log_the_rest_is_there(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the first page: it opens whatever is away."""

    async def away(_: object) -> None:
        raise LogUnavailable("the message log's database does not answer")

    monkeypatch.setattr(office.log, "ask", away)
    page = await read(office, "/overview")
    assert "does not answer" in page
