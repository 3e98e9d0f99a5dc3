"""Campaigns through the API: made, found, changed, taken away."""

from typing import Any

import pytest

from schemas.directory.campaign import Campaign
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import DIDS, NOT_P2P, OURS, THEIR_DID, Office, uuid
from tests.unit.agents.panel.site import call, key_for, running

CAMPAIGNS = "/v3/campaigns"


def body(*trunk_ids: str, **attributes: Any) -> dict[str, Any]:
    trunks = {"data": [{"type": "sms_trunks", "id": it} for it in trunk_ids or (uuid(1),)]}
    account = {"data": {"type": "accounts", "id": OURS}}
    return {
        "type": "campaigns",
        "attributes": {"name": "Shop", "senders": [DIDS[0]], **attributes},
        "relationships": {"sms_trunks": trunks, "account": account},
    }


async def test_a_campaign_from_its_creation_to_its_end(office: Office) -> None:
    """What is left out of a change stays; while a campaign names a number, that stays too."""
    operator, owner = key_for(office, PanelRole.OPERATOR), key_for(office, PanelRole.OWNER)
    async with running(office) as site:
        created = await call(site, operator, "POST", CAMPAIGNS, body(senders=[NOT_P2P]))
        assert created.status == 201, await created.text()
        shown = (await created.json())["data"]
        one = f"{CAMPAIGNS}/{shown['id']}"
        assert created.headers["Location"] == one
        assert shown["attributes"] == {"name": "Shop", "blocked": False, "senders": [NOT_P2P]}
        assert shown["relationships"]["sms_trunks"]["data"] == [{"type": "sms_trunks", "id": uuid(1)}]
        listed = (await (await call(site, owner, "GET", f"{CAMPAIGNS}?filter[name]=sho")).json())["data"]
        assert [it["id"] for it in listed] == [shown["id"]]
        assert (await call(site, operator, "DELETE", f"/v3/dids/{NOT_P2P}")).status == 422
        change = {"type": "campaigns", "id": shown["id"], "attributes": {"blocked": True}}
        assert (await call(site, owner, "PATCH", one, change)).status == 403
        changed = (await (await call(site, operator, "PATCH", one, change)).json())["data"]
        assert changed["attributes"] == {"name": "Shop", "blocked": True, "senders": [NOT_P2P]}
        assert changed["relationships"] == shown["relationships"]
        assert (await call(site, operator, "DELETE", one)).status == 204
        assert (await call(site, owner, "GET", one)).status == 404


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        (body(name=" "), "attributes/name"),
        (body(senders=[]), "attributes/senders"),
        (body(senders=[DIDS[0], "Example"]), "attributes/senders/1"),
        (body(senders=[THEIR_DID]), "attributes/senders/0"),
        (body(uuid(1), uuid(2)), "relationships/sms_trunks/data/1"),
        (body(trunks=[]), "attributes/trunks"),
    ],
)
async def test_what_is_no_campaign_is_refused(office: Office, changed: dict[str, Any], pointer: str) -> None:
    """With its place, and nothing is written."""
    key = key_for(office, PanelRole.OPERATOR)
    async with running(office) as site:
        answer = await call(site, key, "POST", CAMPAIGNS, changed)
        problems = (await answer.json())["errors"]
        assert (answer.status, problems[0]["source"]["pointer"]) == (422, f"/data/{pointer}")
    assert list(office.store.directory.entries(Campaign)) == []
