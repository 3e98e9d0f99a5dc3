"""Carrier profiles through the API: one's own as they are written, those of the product to be read."""

from typing import Any

from pipeline.carriers.profiles.shipped import PRACTICE, shipped_names, shipped_text
from schemas.directory.carrier import Carrier
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import Office, uuid
from tests.unit.agents.panel.site import call, key_for, running

PROFILES = "/v3/carrier_profiles"


def body(text: str, **name: str) -> dict[str, Any]:
    return {"type": "carrier_profiles", "attributes": {**name, "text": text}}


async def test_a_profile_from_its_creation_to_its_end(office: Office) -> None:
    """What was written is read; a carrier can name it; while one does it stays; If-Match counts."""
    key, text = key_for(office, PanelRole.OPERATOR), shipped_text(PRACTICE)
    async with running(office) as site:
        created = await call(site, key, "POST", PROFILES, body(text, name="acme"))
        assert (created.status, created.headers["Location"]) == (201, f"{PROFILES}/acme")
        shown = (await created.json())["data"]
        assert (shown["id"], shown["attributes"]) == ("acme", {"name": "acme", "shipped": False, "text": text})
        again = await call(site, key, "POST", PROFILES, body(text, name="acme"))
        [problem] = (await again.json())["errors"]
        assert (again.status, problem["source"]["pointer"]) == (422, "/data/attributes/name")
        carrier = {"name": "c2", "profile": "acme", "url": "https://c2.example"}
        used = await call(site, key, "POST", "/v3/carriers", {"type": "carriers", "attributes": carrier})
        assert used.status == 201, await used.text()
        assert (await call(site, key, "DELETE", f"{PROFILES}/acme")).status == 422
        changed = await call(site, key, "PATCH", f"{PROFILES}/acme", {**body(text + "# mine\n"), "id": "acme"})
        assert (await changed.json())["data"]["attributes"]["text"] == text + "# mine\n"
        assert changed.headers["ETag"] != created.headers["ETag"]
        await call(site, key, "DELETE", f"/v3/carriers/{(await used.json())['data']['id']}")
        assert (await call(site, key, "DELETE", f"{PROFILES}/acme")).status == 204
        assert (await call(site, key, "GET", f"{PROFILES}/acme")).status == 404


async def test_what_comes_with_the_product_is_read_and_not_changed(office: Office) -> None:
    """Lists have the names alone, one's own first."""
    key = key_for(office, PanelRole.OPERATOR)
    async with running(office) as site:
        await call(site, key, "POST", PROFILES, body(shipped_text("plain-get"), name="zebra"))
        listed = (await (await call(site, key, "GET", PROFILES)).json())["data"]
        assert [it["id"] for it in listed] == ["zebra", *sorted(shipped_names())]
        assert [it["attributes"]["shipped"] for it in listed] == [False] + [True] * len(shipped_names())
        assert all("text" not in it["attributes"] for it in listed)
        found = (await (await call(site, key, "GET", f"{PROFILES}?filter[name]=twil")).json())["data"]
        assert [it["id"] for it in found] == ["twilio"]
        read = await call(site, key, "GET", f"{PROFILES}/twilio")
        assert (await read.json())["data"]["attributes"]["text"] == shipped_text("twilio")
        changed = await call(site, key, "PATCH", f"{PROFILES}/twilio", {**body("version: 1"), "id": "twilio"})
        removed = await call(site, key, "DELETE", f"{PROFILES}/twilio")
        assert (changed.status, removed.status) == (404, 404)


async def test_a_bad_profile_is_refused_with_place_and_reason(office: Office) -> None:
    """Nothing is written of it."""
    key, before = key_for(office, PanelRole.OPERATOR), office.store.offset
    bad = shipped_text("plain-get").replace("version: 1", "version: 1\nsurprise: yes")
    async with running(office) as site:
        answers = [
            await call(site, key, "POST", PROFILES, body(text, name=name))
            for name, text in (("acme", bad), ("acme", "a: [b"), ("No Name", bad), ("twilio", "- 1"))
        ]
        problems = [(await it.json())["errors"][0] for it in answers]
    assert [it.status for it in answers] == [422] * 4
    pointers = [it["source"]["pointer"].rpartition("/")[2] for it in problems]
    assert pointers == ["text", "text", "name", "name"]  # the last one's name is the product's
    assert "surprise" in problems[0]["detail"]
    assert (office.store.offset, office.store.directory.get(Carrier, uuid(50)) is not None) == (before, True)
