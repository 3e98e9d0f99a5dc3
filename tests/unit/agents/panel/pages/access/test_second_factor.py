"""Logging in with a second factor: switched on, asked for, and what a thief of the password gets."""

import re
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from agents.panel.pages import PAGES
from agents.panel.security.awaited_codes import TRIES
from agents.panel.security.one_time_codes import _code as code_of
from schemas.directory.people import PanelRole, PanelUser
from tests.unit.agents.panel.office import PASSWORD, Office, uuid
from tests.unit.agents.panel.site import TOKEN, Site, logged_in, running

SECRET = re.compile(r"<span class=\"value\">([A-Z2-7 ]+)</span>")
TICKET = re.compile(r'name="ticket" value="([^"]+)"')
OWNER = uuid(100 + list(PanelRole).index(PanelRole.OWNER))


class Protected(NamedTuple):
    """A site whose owner has a second factor; `secret` is what the app has."""

    site: Site
    office: Office
    secret: str

    def code(self, periods: int = 0) -> str:
        return code_of(self.secret, int(time.time()) // 30 + periods)

    async def password(self) -> str:
        """Log in with the password; return the ticket that waits for a code."""
        fields = {"csrf_token": await self.site.token(), "email": "owner@example.com", "password": PASSWORD}
        answer = await self.site.client.post("/login", data=fields, headers={"Origin": self.site.origin})
        found = TICKET.search(await answer.text())
        assert found is not None
        return found[1]

    async def enter(self, ticket: str, code: str) -> int:
        """Enter a code; return the status."""
        fields = {"csrf_token": await self.site.token(), "ticket": ticket, "code": code}
        headers = {"Origin": self.site.origin}
        answer = await self.site.client.post("/login/code", data=fields, headers=headers, allow_redirects=False)
        return answer.status


@pytest.fixture
async def protected(office: Office) -> AsyncIterator[Protected]:
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        found = SECRET.search(await (await site.client.get("/second-factor")).text())
        assert found is not None
        secret = found[1].replace(" ", "")
        headers = {"Origin": site.origin, "X-CSRF-Token": token}
        wrong = await site.client.post("/second-factor", data={"code": "000000"}, headers=headers)
        assert wrong.status == 422
        code = code_of(secret, int(time.time()) // 30 - 1)
        right = await site.client.post("/second-factor", data={"code": code}, headers=headers)
        assert "The second factor is on" in await right.text()
        stored = office.store.directory.get(PanelUser, OWNER)
        assert stored is not None
        assert secret not in str(stored)
        assert secret not in str(office.store.events)
        site.client.session.cookie_jar.clear()
        yield Protected(site, office, secret)


async def test_the_key_can_be_scanned(office: Office) -> None:
    """As a square picture that has a name for those who do not see it."""
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        page = await (await site.client.get("/second-factor")).text()
        assert re.search(r'role="img" aria-label="QR code[^"]*"><svg [^>]*viewBox="0 0 (\d+) \1"', page)


async def test_after_the_password_the_code_is_asked_for(protected: Protected) -> None:
    """The password alone opens nothing; with the code one is in, and the code is used up."""
    ticket = await protected.password()
    assert (await protected.site.client.get("/numbers", allow_redirects=False)).status == 303
    code = protected.code()
    assert await protected.enter(ticket, code) == 303
    assert (await protected.site.client.get("/numbers", allow_redirects=False)).status == 200
    protected.site.client.session.cookie_jar.clear()
    assert await protected.enter(await protected.password(), code) == 401


async def test_guessing_ends_with_a_few_tries(protected: Protected) -> None:
    """Then not even the right code helps: the password is asked for again. Each wrong one is recorded."""
    ticket = await protected.password()
    protected.office.store.events.clear()
    for _ in range(TRIES):
        assert await protected.enter(ticket, "000000") == 401
    assert [it.action for it in protected.office.store.events] == ["log_in.failed"] * TRIES
    assert await protected.enter(ticket, protected.code()) == 401
    assert await protected.enter("no ticket", protected.code()) == 401


async def test_a_password_that_has_changed_meanwhile_ends_the_waiting(protected: Protected) -> None:
    """A reset, which switches the second factor off, is not undone by a ticket of before."""
    ticket = await protected.password()
    await protected.office.operations.users.reset_password(protected.office.actor(PanelRole.OPERATOR), OWNER)
    stored = protected.office.store.directory.get(PanelUser, OWNER)
    assert stored is not None
    assert stored.second_factor is None
    assert await protected.enter(ticket, protected.code()) == 401


async def test_it_is_switched_off_with_a_code(protected: Protected) -> None:
    """Whoever finds an open browser cannot; and then the password is enough again."""
    assert await protected.enter(await protected.password(), protected.code()) == 303
    found = TOKEN.search(await (await protected.site.client.get("/second-factor")).text())
    assert found is not None
    headers = {"Origin": protected.site.origin, "X-CSRF-Token": found[1]}
    refused = await protected.site.client.post("/second-factor", data={"code": "000000"}, headers=headers)
    assert refused.status == 422
    taken = await protected.site.client.post("/second-factor", data={"code": protected.code(1)}, headers=headers)
    assert "The second factor is off" in await taken.text()
    protected.site.client.session.cookie_jar.clear()
    assert (await protected.site.log_in()).status == 303
