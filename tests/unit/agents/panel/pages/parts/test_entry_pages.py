"""What the forms of all kinds of entries do alike: saved, wrong, too late, and not to be deleted."""

import re
from typing import Any, NamedTuple

import pytest

from agents.panel.pages import PAGES
from schemas.directory.account import Account
from schemas.directory.carrier import Carrier
from schemas.directory.entry import DirectoryEntry
from schemas.directory.people import PanelRole, PanelUser
from schemas.directory.route import Route
from tests.unit.agents.panel.office import OURS, Office, uuid
from tests.unit.agents.panel.site import Site, logged_in, running

VERSION = re.compile(r'name="version" value="(-?\d+)"')


class Kind(NamedTuple):
    """A kind of entry, one of them, what its form says, and what makes one field of that wrong."""

    path: str
    model: type[DirectoryEntry]
    id: str
    fields: dict[str, str]
    wrong: dict[str, str]


KINDS = [
    Kind("/accounts", Account, OURS, {"name": "Renamed"}, {"name": ""}),
    Kind(
        "/carriers", Carrier, uuid(50),
        {"name": "Renamed", "url": "https://c.example", "max_in_flight": "8", "timeout_seconds": "2"},
        {"max_in_flight": "many"},
    ),
    Kind("/routes", Route, uuid(51), {"carrier_id": uuid(50), "priority": "7"}, {"destination_prefix": "x"}),
    Kind("/users", PanelUser, uuid(103), {"role": "member"}, {"role": "nobody"}),
]  # fmt: skip

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.path)


async def send(site: Site, token: str, path: str, fields: dict[str, str]) -> Any:
    headers = {"Origin": site.origin, "X-CSRF-Token": token}
    return await site.client.post(path, data=fields, headers=headers, allow_redirects=False)


def version_of(office: Office, kind: Kind) -> str:
    return str(office.store.directory.version_of(kind.model, kind.id))


@every_kind
async def test_what_is_saved_is_said_on_the_list(office: Office, kind: Kind) -> None:
    """One write, and back to the list; the form shows what is there now."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        before = office.store.offset
        fields = {**kind.fields, "version": version_of(office, kind)}
        answer = await send(site, token, f"{kind.path}/{kind.id}/edit", fields)
        assert (answer.status, answer.headers["Location"], office.store.offset) == (303, kind.path, before + 1)
        assert "has been saved." in await (await site.client.get(kind.path)).text()
        shown = VERSION.search(await (await site.client.get(f"{kind.path}/{kind.id}/edit")).text())
        assert shown is not None
        assert shown[1] == version_of(office, kind) == str(before)


@every_kind
async def test_what_is_wrong_stands_beside_its_field(office: Office, kind: Kind) -> None:
    """The form comes back with the version that it was made from, and nothing is written."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        before = office.store.offset
        version = version_of(office, kind)
        fields = {**kind.fields, **kind.wrong, "version": version}
        answer = await send(site, token, f"{kind.path}/{kind.id}/edit", fields)
        text = await answer.text()
        (field,) = kind.wrong
        assert (answer.status, before) == (422, office.store.offset)
        assert f'id="{field}-problem-1"' in text
        assert VERSION.findall(text) == [version]


@every_kind
async def test_who_saves_second_is_told(office: Office, kind: Kind) -> None:
    """Nothing is written; the form has what was typed and the version to save it over."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        before = office.store.offset
        answer = await send(site, token, f"{kind.path}/{kind.id}/edit", {**kind.fields, "version": "-1"})
        text = await answer.text()
        assert (answer.status, before) == (409, office.store.offset)
        assert "Somebody else has changed this meanwhile" in text
        assert VERSION.findall(text) == [version_of(office, kind)]


@pytest.mark.parametrize("kind", KINDS[:2], ids=lambda kind: kind.path)
async def test_what_others_refer_to_stays(office: Office, kind: Kind) -> None:
    """The question comes back with the reason."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        before = office.store.offset
        answer = await send(site, token, f"{kind.path}/{kind.id}/delete", {})
        text = await answer.text()
        assert (answer.status, before) == (422, office.store.offset)
        assert "still" in text
        assert "will be deleted permanently:" in text


async def test_a_route_goes(office: Office) -> None:
    """Nothing refers to one: it is deleted, and the list says so."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        answer = await send(site, token, f"/routes/{uuid(51)}/delete", {})
        assert (answer.status, answer.headers["Location"]) == (303, "/routes")
        assert "The route has been deleted." in await (await site.client.get("/routes")).text()
    assert office.store.directory.get(Route, uuid(51)) is None
