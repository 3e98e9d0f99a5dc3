"""Senders through the API: registered, found, given other countries, taken away."""

from typing import Any

import pytest

from schemas.directory.people import PanelRole
from schemas.directory.sender import Sender
from tests.unit.agents.panel.office import OURS, THEIRS, Office
from tests.unit.agents.panel.site import call, key_for, running

SENDERS = "/v3/senders"


def body(owner: str = OURS, **attributes: Any) -> dict[str, Any]:
    account = {"data": {"type": "accounts", "id": owner}}
    return {"type": "senders", "attributes": attributes, "relationships": {"account": account}}


async def test_a_sender_from_its_registration_to_its_end(office: Office) -> None:
    """Each account may have the same one; owners see their own, and change nothing; If-Match counts."""
    operator, owner = key_for(office, PanelRole.OPERATOR), key_for(office, PanelRole.OWNER)
    async with running(office) as site:
        created = await call(site, operator, "POST", SENDERS, body(address="Example", countries=["DE", "AT", "DE"]))
        assert created.status == 201, await created.text()
        shown = (await created.json())["data"]
        assert created.headers["Location"] == f"{SENDERS}/{shown['id']}"
        assert shown["attributes"] == {"address": "Example", "countries": ["DE", "AT"]}
        theirs = await call(site, operator, "POST", SENDERS, body(THEIRS, address="Example"))
        assert (await theirs.json())["data"]["attributes"]["countries"] == []
        again = await call(site, operator, "POST", SENDERS, body(address="Example"))
        [problem] = (await again.json())["errors"]
        assert (again.status, problem["source"]["pointer"]) == (422, "/data/attributes/address")
        listed = (await (await call(site, owner, "GET", f"{SENDERS}?filter[address]=exam")).json())["data"]
        assert [it["id"] for it in listed] == [shown["id"]]
        one = f"{SENDERS}/{shown['id']}"
        change = {"type": "senders", "id": shown["id"], "attributes": {"countries": []}}
        assert (await call(site, owner, "PATCH", one, change)).status == 403
        changed = await call(site, operator, "PATCH", one, change)
        assert (await changed.json())["data"]["attributes"]["countries"] == []
        assert changed.headers["ETag"] != created.headers["ETag"]
        assert (await call(site, operator, "DELETE", one)).status == 204
        assert (await call(site, owner, "GET", one)).status == 404


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({}, "address"),
        ({"address": "12125551234"}, "address"),
        ({"address": "Example Ltd."}, "address"),
        ({"address": "Name\u200b"}, "address"),
        ({"address": "Name", "countries": ["DE", "XX"]}, "countries/1"),
        ({"address": "Name", "countries": ["de"]}, "countries/0"),
        ({"address": "Name", "countries": None}, "countries"),
        ({"address": "Name", "country": "DE"}, "country"),
    ],
)
async def test_what_is_no_sender_is_refused(office: Office, attributes: dict[str, Any], pointer: str) -> None:
    """With its place, and nothing is written."""
    key = key_for(office, PanelRole.OPERATOR)
    async with running(office) as site:
        answer = await call(site, key, "POST", SENDERS, body(**attributes))
        [problem] = (await answer.json())["errors"]
        assert (answer.status, problem["source"]["pointer"]) == (422, f"/data/attributes/{pointer}")
    assert list(office.store.directory.entries(Sender)) == []
