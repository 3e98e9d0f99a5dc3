"""Every page of the panel, found by following its own links: as every role, with nothing, little and much to show.

A new page is covered as soon as it is in `PAGES`; nothing here names one.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest

from agents.panel.operations.people.api_keys import new_api_key
from agents.panel.page import FRAGMENT_HEADER
from agents.panel.pages import PAGES
from pipeline.carriers.profiles.shipped import PRACTICE, shipped_text
from pipeline.errors import NotAcknowledged
from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.people import ApiKey, PanelRole, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk
from tests.unit.agents.panel.logged import scheduled
from tests.unit.agents.panel.office import OURS, Office, uuid
from tests.unit.agents.panel.site import Site, logged_in, running

MANY: Final = 130
SCHEDULED: Final = 55
MAX_VISITS: Final = 600
_IDENTITY: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)[0-9]{7,15}(?=/|$)|(?<=/profiles/)(?!new$)[a-z0-9-]+")


def as_it_is(office: Office) -> None:
    """Leave a few entries of each kind."""


def with_nothing(office: Office) -> None:
    """Leave an account with the people who log in, and nothing else."""
    held = office.store.directory
    office.remove(
        *held.entries(Route), *held.entries(Carrier), *held.entries(Trunk), *held.entries(Did), *held.entries(Sender)
    )
    office.remove(
        *held.entries(Campaign), *held.entries(ApiKey), *(it for it in held.entries(Account) if it.id != OURS)
    )


def without_any_account(office: Office) -> None:
    """Leave the operator alone."""
    with_nothing(office)
    for user in list(office.store.directory.entries(PanelUser)):
        if user.role is not PanelRole.OPERATOR:
            office.remove(user)
    office.remove(*list(office.store.directory.entries(Account)))


def with_many(office: Office) -> None:
    """Add so many of each kind that every list has several pages."""
    office.add(Profile(id="own-profile", text=shipped_text(PRACTICE)))
    for n in range(SCHEDULED):
        scheduled(office, uuid(70_000 + n), uuid(1), bulk_id=uuid(79_000) if n % 2 else None)
    for n in range(MANY):
        office.store.directory.opt_outs.add(OURS, f"1555000{n:04}", office.now)
        office.add(
            Account(id=uuid(20_000 + n), name=f"Account {n}", blocked=n % 7 == 0),
            Did(number=f"1212555{n:04}", account_id=OURS, p2p_enabled=n % 2 == 0),
            Sender(id=uuid(80_000 + n), account_id=OURS, address=f"Sender {n}", countries=("DE",) * (n % 2) or None),
            Campaign(
                id=uuid(90_000 + n),
                account_id=OURS,
                name=f"Campaign {n}",
                blocked=n % 6 == 0,
                senders=tuple(f"Sender {it}" for it in range(n % 5 + 1)),
                trunk_ids=(uuid(1),),
            ),
            Carrier(id=uuid(30_000 + n), name=f"Carrier {n}", url=f"https://c{n}.example/", blocked=n % 9 == 0),
            Route(id=uuid(40_000 + n), destination_prefix=str(100 + n), carrier_id=uuid(30_000 + n)),
            office.user(PanelRole.MEMBER).model_copy(update={"id": uuid(50_000 + n), "email": f"u{n}@example.com"}),
            new_api_key(office.now, f"Key {n}", PanelRole.MEMBER, OURS)[0],
        )
        verifier, _ = office.keys.new_verifier(uuid(60_000 + n), 1)
        office.add(
            office.trunk.model_copy(
                update={
                    "id": uuid(60_000 + n),
                    "name": f"Trunk {n}",
                    "credentials": (verifier,),
                    "blocked": n % 5 == 0,
                    "allow_any_did": n % 3 != 0,
                    "callback_url": f"https://example.com/{n}" if n % 2 else None,
                    "callback_disabled_at": office.now - timedelta(hours=n) if n % 4 == 1 else None,
                }
            )
        )


class Links(HTMLParser):
    """The addresses that a page leads to: links, and what its GET forms ask for when each field is used alone.

    A text that is searched for is one that nothing has, which a field for a time may refuse (422); of choices each is
    taken.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.found: list[str] = []
        self._action: str | None = None
        self._select = ""

    def _ask(self, name: str, value: str) -> None:
        self.found.append(f"{self._action}?{urlencode({name: value})}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.found.append(urljoin(self.address, given["href"]))
        elif tag == "form":
            at = urljoin(self.address, given.get("action", self.address))
            self._action = at if given.get("method", "get") == "get" else None
        elif self._action is not None and tag == "select":
            self._select = given["name"]
        elif self._action is not None and tag == "option":
            self._ask(self._select, given.get("value", ""))
        elif self._action is not None and tag == "input" and given.get("name"):
            is_typed = given.get("type", "text") not in ("hidden", "checkbox", "radio")
            self._ask(given["name"], "nothing-is-called-so" if is_typed else given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._action = None


def kind_of(address: str) -> str:
    """Return what two addresses share that differ in the entry or in the values of their query alone."""
    parts = urlsplit(address)
    asked = {f"{name}={value}" if name == "sort" else name for name, value in parse_qsl(parts.query)}
    return _IDENTITY.sub("*", parts.path) + "?" + "&".join(sorted(asked))


async def visit_everything(site: Site) -> tuple[set[str], list[str]]:
    """Follow links from every page that needs no id; return the kinds of addresses seen, and what went wrong."""
    waiting = [page.path for page in PAGES if page.method == "GET" and "{" not in page.path]
    seen: set[str] = set()
    wrong: list[str] = []
    given = set(waiting)
    while waiting and len(seen) < MAX_VISITS:
        address = waiting.pop()
        if kind_of(address) in seen:
            continue
        seen.add(kind_of(address))
        for headers in ({}, {FRAGMENT_HEADER: "1"}):
            answer = await site.client.get(address, headers=headers, allow_redirects=True)
            content = await answer.read()
            if answer.status >= 500 or (answer.status not in (200, 204, 422) and address not in given):
                wrong.append(f"{answer.status} {address}{' as a fragment' if headers else ''}")
            elif answer.content_type == "text/html" and not headers:
                links = Links(urlsplit(str(answer.url)).path)
                links.feed(content.decode())
                waiting += [it for it in links.found if it.startswith("/") and not it.startswith("/static/")]
    return seen, wrong


STATES: Final = (as_it_is, with_nothing, with_many)


@pytest.mark.parametrize("silent", [False, True], ids=["", "broker-silent"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("role", list(PanelRole))
async def test_no_page_fails_and_no_link_leads_nowhere(
    office: Office, role: PanelRole, state: Callable[[Office], None], silent: bool
) -> None:
    """Whoever looks, however much there is, and whether the broker answers or not: no 5xx, no dead link."""
    state(office)
    await visited(office, role, silent)


@pytest.mark.parametrize("silent", [False, True], ids=["", "broker-silent"])
async def test_an_operator_without_any_account_sees_every_page(office: Office, silent: bool) -> None:
    """The first minute of an installation: no account, no carrier, nobody else."""
    without_any_account(office)
    await visited(office, PanelRole.OPERATOR, silent)


async def visited(office: Office, role: PanelRole, silent: bool) -> set[str]:
    async with running(office, pages=PAGES) as site:
        await logged_in(site, role)
        office.store.events.clear()
        office.store.fails, office.producer.failure = silent, NotAcknowledged("silent") if silent else None
        seen, wrong = await visit_everything(site)
    assert wrong == []
    assert len(seen) > 10
    return seen


async def test_every_page_is_reached_from_another(office: Office) -> None:
    """An operator who works in an account finds every page by following links."""
    with_many(office)
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        headers = {"Origin": site.origin, "X-CSRF-Token": token}
        await site.client.post("/accounts/switch", data={"account_id": OURS}, headers=headers)
        seen, _ = await visit_everything(site)
    paths = {it.partition("?")[0] for it in seen}
    wanted = {re.sub(r"\{[^}]+\}", "*", page.path) for page in PAGES if page.method == "GET" and "{" in page.path}
    # Those of a message only after one has been sent; some are asked for by a script, one comes with an invitation.
    states = {f"/sms/{it}/*/state" for it in ("log", "messages", "scheduled")} | {"/sms/trunks/*/callbacks/state"}
    by_script = states | {"/sms/trunks/*/sources", "/sms/log/exports/*"}
    apart = {"/sms/messages/*", "/invitation/*"} | by_script
    assert wanted - paths == apart
