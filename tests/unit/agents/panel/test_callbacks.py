"""Endpoints that want no more: disabled by a 410, seen by people, enabled again; and the attempts beside them."""

from datetime import timedelta
from typing import Any

import pytest

from agents.panel.operations import Forbidden, NotFound
from agents.panel.operations.callbacks import SHOWN, RecentAttempts
from agents.panel.pages import PAGES
from pipeline.errors import NotAcknowledged
from schemas.callback import AttemptOutcome, CallbackAttempt
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import NOW, OURS, Office, uuid
from tests.unit.agents.panel.site import running
from tests.unit.agents.panel.test_api import call, key_for
from tests.unit.agents.panel.test_page_roles import logged_in

TRUNK = uuid(1)
URL = "https://a.example/sms/status?key=1"
LATER = NOW + timedelta(seconds=1)


def attempt(outcome: str = "gone", **more: Any) -> CallbackAttempt:
    return CallbackAttempt.model_validate({
        "webhook_id": f"{uuid(900)}.processing", "message_id": uuid(900), "trunk_id": TRUNK, "attempt": 1,
        "endpoint": "https://a.example", "at": LATER, "milliseconds": 1234, "status_code": 410,
        "outcome": AttemptOutcome(outcome), **more,
    })  # fmt: skip


@pytest.fixture
def notified(office: Office) -> Office:
    office.add(office.trunk.model_copy(update={"callback_url": URL}))
    return office


@pytest.fixture
def disabled(notified: Office) -> Office:
    notified.add(notified.stored(TRUNK).model_copy(update={"callback_disabled_at": LATER}))
    return notified


async def test_a_410_disables_the_endpoint(notified: Office) -> None:
    """From the attempt's time on, once, and the audit log says that the system did it."""
    assert await notified.operations.disable_callback(attempt()) is True
    assert notified.stored(TRUNK).callback_disabled_at == LATER
    assert await notified.operations.disable_callback(attempt(at=LATER + timedelta(seconds=9))) is False
    assert notified.stored(TRUNK).callback_disabled_at == LATER
    (event,) = notified.writer.events
    assert (event.actor_kind, event.actor, event.action, event.account_id, event.target, event.ip) == (
        "system", "system", "callback.disabled", OURS, f"trunk:{TRUNK}", None,
    )  # fmt: skip
    assert [it.attribute for it in event.differences] == ["callback_disabled_at"]


@pytest.mark.parametrize(
    ("trunk", "gone"),
    [
        ({"callback_url": "https://b.example/"}, attempt()),
        ({"callback_url": "https://a.example:8443/"}, attempt()),
        ({"callback_url": None}, attempt()),
        ({"deleted_at": NOW}, attempt()),
        ({}, attempt(trunk_id=uuid(999))),
        ({}, attempt(at=NOW)),
        ({}, attempt(at=NOW - timedelta(days=1))),
    ],
    ids=["another host", "another port", "no URL", "deleted", "no such trunk", "as old as the trunk", "older"],
)
async def test_a_410_of_something_else_disables_nothing(notified: Office, trunk: Any, gone: CallbackAttempt) -> None:
    """Another endpoint's, and one from before the trunk was last written: somebody may have enabled it since."""
    notified.add(notified.stored(TRUNK).model_copy(update=trunk))
    assert await notified.operations.disable_callback(gone) is False
    assert notified.stored(TRUNK).callback_disabled_at is None
    assert notified.writer.events == []


async def test_what_the_broker_does_not_take_is_an_error(notified: Office) -> None:
    """Whoever follows the topic must hear of it, to try again."""
    notified.writer.fails = True
    with pytest.raises(NotAcknowledged):
        await notified.operations.disable_callback(attempt())


@pytest.mark.parametrize(
    ("url", "left"), [("https://b.example/", None), (URL, LATER), (None, None)], ids=["another", "the same", "none"]
)
async def test_another_url_is_not_disabled(disabled: Office, url: str | None, left: Any) -> None:
    """A new URL has answered nothing yet; saving the form with the old one changes nothing about it."""
    await disabled.operations.update_trunk(disabled.actor(), TRUNK, {"callback_url": url, "name": "renamed"})
    assert disabled.stored(TRUNK).callback_disabled_at == left


async def test_who_may_enable_an_endpoint(disabled: Office) -> None:
    """Who may change trunks, those of the own account; the audit log names the person; once is enough."""
    with pytest.raises(Forbidden):
        await disabled.operations.enable_callback(disabled.actor(PanelRole.READ_ONLY), TRUNK)
    with pytest.raises(NotFound):
        await disabled.operations.enable_callback(disabled.actor(), uuid(2))
    for _ in range(2):
        await disabled.operations.enable_callback(disabled.actor(PanelRole.MEMBER), TRUNK)
    assert disabled.stored(TRUNK).callback_disabled_at is None
    assert [(it.actor, it.action) for it in disabled.writer.events] == [("member@example.com", "callback.enabled")]


async def test_the_pages_say_it_and_enable_again(disabled: Office) -> None:
    """A badge in the list, a notice on the trunk's page, gone after *Enable again*; texts of the endpoint are text."""
    disabled.operations.attempts.note(attempt(answer="<script>alert(1)</script>").to_bytes())
    async with running(disabled, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        listed = await (await site.client.get("/sms/trunks")).text()
        page = await (await site.client.get(f"/sms/trunks/{TRUNK}/edit")).text()
        assert ("Gone: not notified" in listed, "410 Gone on 2026-11-22 19:00 UTC" in page) == (True, True)
        assert ("<script>alert" in page, "&lt;script&gt;alert(1)" in page, "1,234 ms" in page) == (False, True, True)
        answer = await site.client.post(
            f"/sms/trunks/{TRUNK}/enable-callback", headers={"Origin": site.origin, "X-CSRF-Token": token}
        )
        assert ("are posted again" in await answer.text(), answer.url.path) == (True, f"/sms/trunks/{TRUNK}/edit")
        assert "Gone: not notified" not in await (await site.client.get("/sms/trunks")).text()
    assert disabled.stored(TRUNK).callback_disabled_at is None


async def test_who_may_only_look_sees_no_button(disabled: Office) -> None:
    """The notice is for everybody, the button for those who may change trunks."""
    async with running(disabled, pages=PAGES) as site:
        await logged_in(site, PanelRole.READ_ONLY)
        page = await (await site.client.get(f"/sms/trunks/{TRUNK}/edit")).text()
    assert ("410 Gone on" in page, "Enable again" in page) == (True, False)


async def test_the_api_shows_and_enables(disabled: Office) -> None:
    """It is an attribute beside the URL; null enables, and nothing else can be set."""
    path = f"/v3/sms_trunks/{TRUNK}"

    def change(value: Any) -> Any:
        configuration = {"type": "http_out", "callback_disabled_at": value}
        return {"type": "sms_trunks", "id": TRUNK, "attributes": {"configuration": configuration}}

    key = key_for(disabled, PanelRole.MEMBER)
    async with running(disabled) as site:
        shown = (await (await call(site, key, "GET", path)).json())["data"]["attributes"]["configuration"]
        assert shown["callback_disabled_at"] == LATER.isoformat().replace("+00:00", "Z")
        refused = await call(site, key, "PATCH", path, change("2026-11-22T19:00:00Z"))
        pointers = [it["source"]["pointer"] for it in (await refused.json())["errors"]]
        assert (refused.status, pointers) == (422, ["/data/attributes/configuration/callback_disabled_at"])
        changed = await call(site, key, "PATCH", path, change(None))
        shown = (await changed.json())["data"]["attributes"]["configuration"]
        assert (changed.status, shown["callback_disabled_at"], shown["callback_url"]) == (200, None, URL)
    assert disabled.writer.events[-1].action == "trunk.updated"
    assert [it.attribute for it in disabled.writer.events[-1].differences] == ["callback_disabled_at"]


def test_the_newest_attempts_are_held_and_no_more() -> None:
    """So many of each trunk, of so many trunks; those of the trunk that has been quiet for longest go."""
    recent = RecentAttempts(max_trunks=2)
    for number in range(SHOWN + 5):
        at = NOW + timedelta(seconds=number)
        assert recent.note(attempt(at=at, outcome="failed", status_code=500).to_bytes()) is None
    found = list(recent.of(TRUNK))
    assert (len(found), found[0].at, found[-1].at) == (
        SHOWN, NOW + timedelta(seconds=SHOWN + 4), NOW + timedelta(seconds=5),
    )  # fmt: skip
    for number in (5, 6):
        recent.note(attempt(trunk_id=uuid(number)).to_bytes())
    assert [len(list(recent.of(it))) for it in (TRUNK, uuid(5), uuid(6))] == [0, 1, 1]


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff", b'"trunk_id":"', b'{"trunk_id":"x","outcome":"gone"}', attempt(outcome="failed").to_bytes()],
)
def test_only_a_410_that_can_be_read_is_handed_on(value: bytes) -> None:
    """What anybody may have written to the topic disables nothing and breaks nothing."""
    recent = RecentAttempts()
    assert recent.note(value) is None
    assert [it.outcome for it in recent.of("x")] == []
    assert recent.note(attempt().to_bytes()) == attempt()
