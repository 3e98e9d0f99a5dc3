"""Sessions: how long one lasts, and how many there are."""

from typing import Any

import pytest

from agents.panel.security.sessions import MAX_SESSIONS, Sessions
from schemas.directory.people import PanelRole, PanelUser
from schemas.state.remembered import Remembered
from tests.fakes.clock import Clock
from tests.unit.agents.panel.office import Office, uuid


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


class Kept:
    """What a process has remembered, as the next one finds it: as bytes, by key."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def remember(self, key: str, value: Remembered | None) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value.to_bytes()

    def restored(self, clock: Clock) -> Sessions:
        sessions = Sessions(60, 200, clock, self.remember)
        sessions.restore({key: Remembered.from_bytes(value) for key, value in self.values.items()})
        return sessions


def test_a_session_survives_a_restart(clock: Clock, user: PanelUser) -> None:
    """With its account and its token against forgery, so that an open form can still be sent."""
    kept = Kept()
    before = Sessions(60, 200, clock, kept.remember)
    identity, session = before.begin(user)
    session.account_id = uuid(7)
    assert before.find(identity, lambda _: user) is not None
    found = kept.restored(clock).find(identity, lambda _: user)
    assert found is not None
    assert (found[0].account_id, found[0].csrf_token) == (uuid(7), session.csrf_token)
    assert identity not in str(kept.values)  # a digest of it alone
    assert user.password_hash not in str(kept.values)


@pytest.mark.parametrize("change", [{"blocked": True}, {"password_hash": "another"}, None])
def test_a_restored_session_ends_with_what_it_stands_on(clock: Clock, user: PanelUser, change: Any) -> None:
    """As if there had been no restart; and it is forgotten for good."""
    kept = Kept()
    identity, _ = Sessions(60, 200, clock, kept.remember).begin(user)
    now = user.model_copy(update=change) if change else None
    assert kept.restored(clock).find(identity, lambda _: now) is None
    assert kept.values == {}


def test_what_is_over_is_not_restored(clock: Clock, user: PanelUser) -> None:
    """A session that ended by log-out, and one that was not used for too long while the panel was away."""
    kept = Kept()
    sessions = Sessions(60, 200, clock, kept.remember)
    ended, _ = sessions.begin(user)
    sessions.end(ended)
    idle, _ = sessions.begin(user)
    clock.now += 61
    restored = kept.restored(clock)
    assert restored.find(ended, lambda _: user) is None
    assert restored.find(idle, lambda _: user) is None
    assert kept.values == {}


def test_a_session_that_is_used_is_remembered_as_such(clock: Clock, user: PanelUser) -> None:
    """Not at every request: a few times in its idle time."""
    kept, writes = Kept(), list[str]()

    def remember(key: str, value: Remembered | None) -> None:
        writes.append(key)
        kept.remember(key, value)

    sessions = Sessions(60, 2000, clock, remember)
    identity, _ = sessions.begin(user)
    for _ in range(100):
        clock.now += 1
        assert sessions.find(identity, lambda _: user) is not None
    assert 9 <= len(writes) <= 12
    clock.now += 45
    assert kept.restored(clock).find(identity, lambda _: user) is not None
