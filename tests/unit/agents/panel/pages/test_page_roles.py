"""Every page of the panel with every role, and without one."""

import re

import pytest

from agents.panel.operations.actor import PERMISSIONS
from agents.panel.page import Page
from agents.panel.pages import PAGES
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import DIDS, Office, uuid
from tests.unit.agents.panel.site import logged_in, running

IDS = {
    "trunk": uuid(1),
    "carrier": uuid(50),
    "profile": "plain",
    "route": uuid(51),
    "user": uuid(103),
    "number": DIDS[0],
}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.method} {page.path}")


def path_of(page: Page) -> str:
    """Fill in an id of the kind that the path is about."""
    kind = next((kind for kind in IDS if kind in page.path), "trunk")
    return re.sub(r"\{[^}]+\}", IDS[kind], page.path)


@pytest.mark.parametrize("role", list(PanelRole))
@every_page
async def test_who_may_open_or_send_a_page(office: Office, page: Page, role: PanelRole) -> None:
    """A role without the page's permission gets a 403 and changes nothing; nobody ever gets a 5xx."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, role)
        before = office.store.offset
        headers = {"Origin": site.origin, "X-CSRF-Token": token} if page.method == "POST" else {}
        answer = await site.client.request(page.method, path_of(page), headers=headers, allow_redirects=False)
        assert answer.status < 500
        if page.permission is not None and page.permission not in PERMISSIONS[role]:
            assert (403, before) == (answer.status, office.store.offset)
        elif page.permission is None or page.for_visitors:
            assert answer.status != 403


@every_page
async def test_who_is_not_logged_in_gets_no_further(office: Office, page: Page) -> None:
    """To the log-in page, or a refusal where a form has no token; nothing is written."""
    async with running(office, pages=PAGES) as site:
        before = office.store.offset
        answer = await site.client.request(page.method, path_of(page), allow_redirects=False)
        if page.method == "GET":
            there = 404 if "{" in page.path else 200  # an invitation that nobody has made
            assert (there if page.for_visitors else 303) == answer.status
        else:
            assert answer.status == 403
        assert before == office.store.offset
