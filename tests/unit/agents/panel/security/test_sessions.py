"""Sessions: how long one lasts, and how many there are."""

from typing import Any

import pytest

from agents.panel.security.sessions import MAX_SESSIONS, Sessions
from schemas.directory.people import PanelRole, PanelUser
from tests.fakes.clock import Clock
from tests.unit.agents.panel.office import Office


@pytest.fixture
def user(office: Office) -> PanelUser:
    return office.user(PanelRole.OWNER)


def test_a_session_ends_when_it_is_not_used(clock: Clock, user: PanelUser) -> None:
    """Idle for too long, or too old however busy."""
    sessions = Sessions(60, 200, clock)
    identity, _ = sessions.begin(user)
    for _ in range(4):
        clock.now += 50
        assert sessions.find(identity, lambda _: user) is not None
    clock.now += 1
    assert sessions.find(identity, lambda _: user) is None
    identity, _ = sessions.begin(user)
    clock.now += 61
    assert sessions.find(identity, lambda _: user) is None


@pytest.mark.parametrize("change", [{"blocked": True}, {"password_hash": "another"}, None])
def test_a_session_ends_with_what_it_stands_on(clock: Clock, user: PanelUser, change: Any) -> None:
    """A blocked or removed user, or another password; and it does not come back."""
    sessions = Sessions(60, 200, clock)
    identity, _ = sessions.begin(user)
    now = user.model_copy(update=change) if change else None
    assert sessions.find(identity, lambda _: now) is None
    assert sessions.find(identity, lambda _: user) is None


def test_sessions_are_bounded_and_ids_are_new(clock: Clock, user: PanelUser) -> None:
    """The one that was not used for longest makes room."""
    sessions = Sessions(60, 200, clock)
    first, session = sessions.begin(user)
    others = {sessions.begin(user)[0] for _ in range(MAX_SESSIONS)}
    assert len(others) == MAX_SESSIONS
    assert first not in others
    assert sessions.find(first, lambda _: user) is None
    assert len(session.csrf_token) > 40


def test_a_text_for_the_next_page_is_shown_once(clock: Clock, user: PanelUser) -> None:
    """And a loop that leaves many does not fill the memory."""
    _, session = Sessions(60, 200, clock).begin(user)
    for number in range(100):
        session.flash("good", str(number))
    assert [("good", str(number)) for number in range(90, 100)] == session.take_flashes()
    assert session.take_flashes() == []
