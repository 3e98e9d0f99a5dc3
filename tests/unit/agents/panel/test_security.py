"""Sessions, throttling, tokens, cookies, passwords: each by its bounds."""

import asyncio
from typing import Any

import pytest

from agents.panel.page import local_path
from agents.panel.security import csrf, passwords, throttle
from agents.panel.security.cookies import Cookies
from agents.panel.security.passwords import Passwords, TooBusy
from agents.panel.security.sessions import MAX_SESSIONS, Sessions
from agents.panel.security.throttle import FREE_ATTEMPTS, Throttle
from pipeline.errors import ConfigurationError
from schemas.directory.people import PanelRole, PanelUser
from tests.unit.agents.panel.office import Office


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


# Sessions


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


# Throttle


def test_guessing_gets_slower(clock: Clock) -> None:
    """Free at first, then twice as long each time, and forgotten after a while."""
    slow = Throttle(clock)
    waits = []
    for _ in range(FREE_ATTEMPTS + 4):
        waits.append(slow.wait_seconds("192.0.2.1", "a@example.com"))
        clock.now += waits[-1]
        slow.begin("192.0.2.1", "a@example.com")
    assert waits == [0] * FREE_ATTEMPTS + [1, 2, 4, 8]
    clock.now += throttle.FORGOTTEN_AFTER_SECONDS + 1
    assert slow.wait_seconds("192.0.2.1", "a@example.com") == 0


@pytest.mark.parametrize(
    ("ip", "name", "waits"),
    [
        ("192.0.2.1", "other@example.com", True),  # the same address
        ("192.0.2.2", "A@example.com ", True),  # the same name, from elsewhere
        ("192.0.2.2", "other@example.com", False),
    ],
)
def test_an_address_and_a_name_are_slowed_down(clock: Clock, ip: str, name: str, waits: bool) -> None:
    """Each for itself."""
    slow = Throttle(clock)
    for _ in range(20):
        slow.begin("192.0.2.1", "a@example.com")
    assert waits is (slow.wait_seconds(ip, name) > 0)


def test_nobody_can_lock_somebody_out(clock: Clock) -> None:
    """A name waits for half a minute at most, an address for five."""
    slow = Throttle(clock)
    for number in range(10_000):
        slow.begin(f"192.0.{number // 250}.{number % 250}", "victim@example.com")
    assert slow.wait_seconds("198.51.100.1", "victim@example.com") == 30
    for _ in range(10_000):
        slow.begin("203.0.113.1", "x")
    assert slow.wait_seconds("203.0.113.1", "y") == 300


def test_an_ipv6_customer_is_one_address(clock: Clock) -> None:
    """A /64 has more addresses than anybody could count failures for."""
    slow = Throttle(clock)
    for number in range(20):
        slow.begin(f"2001:db8::{number:x}", f"{number}@example.com")
    assert slow.wait_seconds("2001:db8::ffff", "new@example.com") > 0
    assert slow.wait_seconds("2001:db8:0:1::1", "new@example.com") == 0


def test_success_forgives_the_name_and_nothing_else(clock: Clock) -> None:
    """One right password does not pay for guessing at others from the same address."""
    slow = Throttle(clock)
    for _ in range(10):
        slow.begin("192.0.2.1", "a@example.com")
    slow.succeed("192.0.2.1", "a@example.com")
    assert slow.wait_seconds("198.51.100.1", "a@example.com") == 0
    assert slow.wait_seconds("192.0.2.1", "b@example.com") > 0


def test_what_is_counted_is_bounded(clock: Clock) -> None:
    """However many names an attacker thinks of."""
    slow = Throttle(clock)
    for number in range(throttle.MAX_KEYS + 100):
        slow.begin(None, str(number))
    assert len(slow._failures) == throttle.MAX_KEYS


# Tokens and cookies


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"Origin": "https://sms.example"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": "http://sms.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({}, False),
    ],
)
def test_where_a_request_comes_from(headers: dict[str, str], ours: bool) -> None:
    """The browser's word counts; no word is a no."""
    assert ours is csrf.comes_from_us(headers, "https://sms.example")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://SMS.example/", "https://sms.example"),
        ("https://sms.example:443", "https://sms.example"),
        ("http://127.0.0.1:8081/x", "http://127.0.0.1:8081"),
        ("http://[::1]:8081", "http://[::1]:8081"),
    ],
)
def test_an_origin_is_written_as_browsers_do(url: str, origin: str) -> None:
    """Lower case, no default port."""
    assert origin == csrf.origin_of(url)


def test_a_visitors_token_belongs_to_its_cookie() -> None:
    """And to this process."""
    visitors = csrf.Visitors()
    cookie = visitors.new_cookie()
    assert csrf.same(visitors.token(cookie), visitors.token(cookie))
    assert not csrf.same(visitors.token(cookie), visitors.token(visitors.new_cookie()))
    assert not csrf.same(csrf.Visitors().token(cookie), visitors.token(cookie))
    assert not csrf.same("\ud800", visitors.token(cookie))


@pytest.mark.parametrize(
    ("public_url", "host"),
    [(None, "0.0.0.0"), (None, "sms.example"), ("http://sms.example", "127.0.0.1"), ("ftp://x", "127.0.0.1")],  # noqa: S104
)
def test_plain_http_is_for_loopback(public_url: str | None, host: str) -> None:
    """Anything else would send passwords in clear."""
    with pytest.raises(ConfigurationError, match="https"):
        Cookies(public_url, host, 8081)


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/sms/trunks?page=2", "/sms/trunks?page=2"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_after_log_in_one_stays_here(wanted: str, path: str) -> None:
    """A link to our log-in page cannot lead elsewhere."""
    assert path == local_path(wanted)


# Passwords


async def test_a_password_is_hashed_with_argon2id() -> None:
    """Right, wrong, hostile, and somebody who is not there."""
    people = Passwords()
    hashed = await people.hash("correct horse")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await people.verify(hashed, "correct horse")
    for wrong in ("Correct horse", "", "\ud800", "\0"):
        assert not await people.verify(hashed, wrong)
    assert not await people.verify(None, "nobody has this password")
    assert not await people.verify("no hash at all", "x")


async def test_hashing_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time, and only so many wait: each takes 19 MiB."""
    people = Passwords()
    most = running = 0

    def slow(*_: Any) -> bool:
        nonlocal most, running
        running += 1
        most = max(most, running)
        running -= 1
        return True

    monkeypatch.setattr(people, "_verify", slow)
    asked = [asyncio.create_task(people.verify("x", "y")) for _ in range(passwords.MAX_WAITING + 5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, TooBusy) for answer in answers) == 5
    assert most <= passwords.AT_ONCE
    assert await people.verify("x", "y")
