"""Endpoints that want no more: disabled by a 410, enabled again; and the attempts beside them."""

from datetime import timedelta
from typing import Any

import pytest

from agents.panel.operations.errors import Forbidden, NotFound
from agents.panel.operations.trunks.callbacks import SHOWN, RecentAttempts
from pipeline.errors import NotAcknowledged
from schemas.directory.people import PanelRole
from schemas.messages.callback import CallbackAttempt
from tests.unit.agents.panel.endpoints import LATER, TRUNK, URL, attempt
from tests.unit.agents.panel.office import NOW, OURS, Office, uuid


async def test_a_410_disables_the_endpoint(notified: Office) -> None:
    """From the attempt's time on, once, and the audit log says that the system did it."""
    assert await notified.operations.callbacks.disable(attempt()) is True
    assert notified.stored(TRUNK).callback_disabled_at == LATER
    assert await notified.operations.callbacks.disable(attempt(at=LATER + timedelta(seconds=9))) is False
    assert notified.stored(TRUNK).callback_disabled_at == LATER
    (event,) = notified.store.events
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
    assert await notified.operations.callbacks.disable(gone) is False
    assert notified.stored(TRUNK).callback_disabled_at is None
    assert notified.store.events == []


async def test_what_the_broker_does_not_take_is_an_error(notified: Office) -> None:
    """Whoever follows the topic must hear of it, to try again."""
    notified.store.fails = True
    with pytest.raises(NotAcknowledged):
        await notified.operations.callbacks.disable(attempt())


@pytest.mark.parametrize(
    ("url", "left"), [("https://b.example/", None), (URL, LATER), (None, None)], ids=["another", "the same", "none"]
)
async def test_another_url_is_not_disabled(disabled: Office, url: str | None, left: Any) -> None:
    """A new URL has answered nothing yet; saving the form with the old one changes nothing about it."""
    await disabled.operations.trunks.update(disabled.actor(), TRUNK, {"callback_url": url, "name": "renamed"})
    assert disabled.stored(TRUNK).callback_disabled_at == left


async def test_who_may_enable_an_endpoint(disabled: Office) -> None:
    """Who may change trunks, those of the own account; the audit log names the person; once is enough."""
    with pytest.raises(Forbidden):
        await disabled.operations.callbacks.enable(disabled.actor(PanelRole.READ_ONLY), TRUNK)
    with pytest.raises(NotFound):
        await disabled.operations.callbacks.enable(disabled.actor(), uuid(2))
    for _ in range(2):
        await disabled.operations.callbacks.enable(disabled.actor(PanelRole.MEMBER), TRUNK)
    assert disabled.stored(TRUNK).callback_disabled_at is None
    assert [(it.actor, it.action) for it in disabled.store.events] == [("member@example.com", "callback.enabled")]


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
