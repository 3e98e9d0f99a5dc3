"""Trunks in the management API."""

from typing import Any

from schemas.directory.people import PanelRole
from tests.unit.agents.panel.endpoints import LATER, TRUNK, URL
from tests.unit.agents.panel.office import Office
from tests.unit.agents.panel.site import call, key_for, running


async def test_the_api_shows_and_enables(disabled: Office) -> None:
    """It is an attribute beside the URL; null enables, and nothing else can be set."""
    path = f"/v3/sms_trunks/{TRUNK}"

    def change(value: Any) -> Any:
        configuration = {"type": "http_out", "callback_disabled_at": value}
        return {"type": "sms_trunks", "id": TRUNK, "attributes": {"configuration": configuration}}

    key = key_for(disabled, PanelRole.MEMBER)
    async with running(disabled) as site:
        shown = (await (await call(site, key, "GET", path)).json())["data"]["attributes"]["configuration"]
        assert shown["callback_disabled_at"] == LATER.isoformat().replace("+00:00", "Z")
        refused = await call(site, key, "PATCH", path, change("2026-11-22T19:00:00Z"))
        pointers = [it["source"]["pointer"] for it in (await refused.json())["errors"]]
        assert (refused.status, pointers) == (422, ["/data/attributes/configuration/callback_disabled_at"])
        changed = await call(site, key, "PATCH", path, change(None))
        shown = (await changed.json())["data"]["attributes"]["configuration"]
        assert (changed.status, shown["callback_disabled_at"], shown["callback_url"]) == (200, None, URL)
    assert disabled.store.events[-1].action == "trunk.updated"
    assert [it.attribute for it in disabled.store.events[-1].differences] == ["callback_disabled_at"]
