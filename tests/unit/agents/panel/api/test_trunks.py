"""Trunks in the management API."""

from typing import Any, Final

from pipeline.directory.callback_secrets import secrets_of
from schemas.directory.people import PanelRole
from tests.fakes.certificates import Authority
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


USUAL: Final[dict[str, Any]] = {
    "events": None, "headers": {}, "username": None, "ca": None, "client_certificate": None, "secrets": [],
    "failover_url": None, "failover_after": None, "batch": False,
}  # fmt: skip


async def test_options_of_callbacks(office: Office) -> None:
    """They are shown whole, changed member by member, and refused with a pointer to the member."""
    path = f"/v3/sms_trunks/{TRUNK}"

    def change(callbacks: Any) -> Any:
        configuration = {"type": "http_out", "callback_url": URL, "callbacks": callbacks}
        return {"type": "sms_trunks", "id": TRUNK, "attributes": {"configuration": configuration}}

    key = key_for(office, PanelRole.MEMBER)
    async with running(office) as site:

        async def patched(callbacks: Any) -> Any:
            answer = await call(site, key, "PATCH", path, change(callbacks))
            document = await answer.json()
            if answer.status != 200:
                return answer.status, [it["source"]["pointer"] for it in document["errors"]]
            return document["data"]["attributes"]["configuration"]["callbacks"]

        at = "/data/attributes/configuration/callbacks"
        usual = await patched({})
        assert usual == USUAL
        assert await patched({"events": ["sent", "delivered"]}) == USUAL | {"events": ["sent", "delivered"]}
        both = USUAL | {"events": ["sent", "delivered"], "headers": {"X-A": "1"}}
        assert await patched({"headers": {"X-A": "1"}}) == both
        assert await patched({"headers": {"Host": "x"}}) == (422, [f"{at}/headers/Host"])
        assert await patched({"events": ["everything"]}) == (422, [f"{at}/events/0"])
        assert await patched({"event": []}) == (422, [f"{at}/event"])
        assert await patched(None) == usual
        basic = USUAL | {"username": "us", "secrets": ["password"]}
        assert await patched({"username": "us"}) == (422, [f"{at}/secrets/password"])
        assert await patched({"username": "us", "secrets": {"password": "geheim"}}) == basic
        assert await patched({"secrets": {"token": "x"}}) == (422, [f"{at}/secrets/token"])
        assert await patched({"secrets": {"token": "a b", "password": ""}}) == (422, [f"{at}/secrets/token"])
        assert await patched({"secrets": {"pin": "1"}}) == (422, [f"{at}/secrets/pin/[key]"])
        bearer = USUAL | {"secrets": ["token"]}
        assert await patched({"username": None, "secrets": {"password": "", "token": "geheim"}}) == bearer
        assert await patched({"failover_url": "http://127.0.0.1/x"}) == (422, [f"{at}/failover_url"])
        assert await patched({"failover_after": 11}) == (422, [f"{at}/failover_after"])
        standby = {"failover_url": "https://backup.example/x", "failover_after": 2}
        assert await patched(standby) == bearer | standby
        assert await patched(dict.fromkeys(standby)) == bearer
        assert await patched({"batch": "yes"}) == (422, [f"{at}/batch"])
        assert await patched({"batch": True}) == bearer | {"batch": True}
        assert await patched({"headers": None}) == bearer | {"batch": True}
        assert await patched({"batch": False}) == bearer
        assert await patched({"ca": "no certificate"}) == (422, [f"{at}/ca"])
        pem = Authority().pem
        assert await patched({"ca": pem.replace("\n", "\r\n")}) == bearer | {"ca": pem}
        shown = await (await call(site, key, "GET", path)).text()
    assert "geheim" not in shown
    assert "geheim" not in str(office.store.events)
    stored = office.stored(TRUNK)
    assert "geheim" not in stored.to_bytes().decode()
    assert secrets_of(stored, office.callback_sealer).token == "geheim"  # of a test
