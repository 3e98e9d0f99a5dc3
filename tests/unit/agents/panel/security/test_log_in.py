"""Logging in and out: recorded, slowed down, and the same for everybody who is refused."""

import pytest

from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import OURS, PASSWORD, Office
from tests.unit.agents.panel.site import running


async def test_logging_in_and_out(office: Office) -> None:
    """A new session id at log-in; at log-out it is worth nothing any more; both are recorded."""
    async with running(office) as site:
        assert await site.me() == 303
        answer = await site.log_in()
        assert (answer.status, answer.headers["Location"]) == (303, "/me")
        cookie = answer.cookies["smsout-session"]
        assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/", "Lax", True)
        me = await site.me()
        assert (me["email"], me["account"]) == ("owner@example.com", OURS)
        again = await site.log_in()
        assert cookie.value != again.cookies["smsout-session"].value
        token = (await site.me())["token"]
        assert (await site.post("/logout", csrf_token=token)).status == 303
        site.use_session(cookie.value)
        assert await site.me() == 303
        assert [it.action for it in office.store.events] == ["log_in.succeeded", "log_in.succeeded", "log_out.done"]


@pytest.mark.parametrize(
    ("email", "password"), [("owner@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("", ""), ("\0", "\0")]
)
async def test_a_wrong_log_in_says_nothing_about_which_part_was_wrong(
    office: Office, email: str, password: str
) -> None:
    """The same answer for somebody who is not there; recorded with the name that was tried."""
    async with running(office) as site:
        answer = await site.log_in(email, password)
        assert (answer.status, await answer.text()) == (401, "Wrong email address or password.")
        assert [("log_in.failed", "nobody", email)] == [
            (it.action, it.actor_kind, it.actor) for it in office.store.events
        ]


async def test_a_blocked_user_cannot_log_in(office: Office) -> None:
    """And an open session ends with the next request."""
    async with running(office) as site:
        await site.log_in()
        office.add(office.user(PanelRole.OWNER).model_copy(update={"blocked": True}))
        assert await site.me() == 303
        assert (await site.log_in()).status == 401


async def test_guessing_is_slowed_down(office: Office) -> None:
    """Also with the right password then."""
    async with running(office) as site:
        statuses = [(await site.log_in(password="wrong")).status for _ in range(6)]
        assert statuses == [401] * 5 + [429]
        assert (await site.log_in()).status == 429


async def test_changing_the_password_ends_other_sessions(office: Office) -> None:
    """This one goes on under a new id."""
    async with running(office) as site:
        first = (await site.log_in()).cookies["smsout-session"].value
        second = (await site.log_in()).cookies["smsout-session"].value
        token = (await site.me())["token"]
        answer = await site.post("/password", csrf_token=token, old=PASSWORD, new="a new long password")
        assert answer.status == 303
        assert (await site.me())["email"] == "owner@example.com"
        for old in (first, second):
            site.use_session(old)
            assert await site.me() == 303


async def test_an_operator_works_in_a_chosen_account(office: Office) -> None:
    """None at first, because there are two."""
    async with running(office) as site:
        await site.log_in("operator@example.com")
        assert (await site.me())["account"] is None


async def test_without_a_broker_nobody_logs_in_unseen(office: Office) -> None:
    """The log-in cannot be recorded, so there is none; the page says why."""
    async with running(office) as site:
        office.store.fails = True
        assert (await site.log_in()).status == 503
        assert await site.me() == 303


async def test_a_browser_is_known_after_a_log_in(office: Office) -> None:
    """Its cookie outlives the session; with it the right password counts though somebody guesses from this address."""
    async with running(office) as site:
        cookie = (await site.log_in()).cookies["smsout-device"]
        assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/", "Lax", True)
        assert int(cookie["max-age"]) > 86_400
        site.client.session.cookie_jar.clear()
        assert "smsout-device" not in (await site.log_in(password="wrong")).cookies
        assert [(await site.log_in(password="wrong")).status for _ in range(5)][-1] == 429
        assert (await site.log_in()).status == 429
        site.client.session.cookie_jar.update_cookies({"smsout-device": cookie.value})
        assert (await site.log_in()).status == 303
