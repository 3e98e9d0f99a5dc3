"""The management API: every route with every role, JSON:API's shapes, ETags, and the same rules as the panel."""

import io
import json
from typing import Any

import pytest
from aiohttp import ClientResponse

from agents.panel.api.table import ROUTES, ApiRoute
from agents.panel.operations import PERMISSIONS
from agents.panel.operations.api_keys import new_api_key
from schemas.directory.people import PanelRole
from schemas.directory.trunk import Trunk
from tests.unit.agents.panel.office import DIDS, OURS, THEIR_DID, THEIRS, Office, uuid
from tests.unit.agents.panel.site import Site, running

JSON_API = "application/vnd.api+json"


def key_for(office: Office, role: PanelRole) -> str:
    account_id = None if role is PanelRole.OPERATOR else OURS
    record, key = new_api_key(office.now, role.value, role, account_id)
    office.add(record)
    return key


async def call(site: Site, key: str | None, method: str, path: str, data: Any = None, **headers: str) -> ClientResponse:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    body = None
    if data is not None:
        sent.setdefault("Content-Type", JSON_API)
        body = json.dumps({"data": data})
    return await site.client.request(method, path, data=body, headers=sent)


def trunk_body(**attributes: Any) -> dict[str, Any]:
    return {
        "type": "sms_trunks",
        "attributes": {"name": "new", "configuration": {"type": "http_out"}, **attributes},
        "relationships": {"account": {"data": {"type": "accounts", "id": OURS}}},
    }


BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v3/sms_trunks"): trunk_body(),
    ("PATCH", "/v3/sms_trunks/{id}"): {"type": "sms_trunks", "id": uuid(1), "attributes": {"blocked": True}},
    ("DELETE", "/v3/sms_trunks"): [{"type": "sms_trunks", "id": uuid(1)}],
    ("POST", "/v3/sms_trunk_regenerate_credentials"): {
        "type": "sms_trunk_regenerate_credentials",
        "relationships": {"sms_trunk": {"data": {"type": "sms_trunks", "id": uuid(1)}}},
    },
    ("POST", "/v3/dids"): {
        "type": "dids",
        "attributes": {"number": "12125557777", "p2p_enabled": True},
        "relationships": {"account": {"data": {"type": "accounts", "id": OURS}}},
    },
    ("PATCH", "/v3/dids/{id}"): {"type": "dids", "id": DIDS[0], "attributes": {"p2p_enabled": False}},
    ("POST", "/v3/carriers"): {"type": "carriers", "attributes": {"name": "c2", "url": "https://c2.example"}},
    ("PATCH", "/v3/carriers/{id}"): {"type": "carriers", "id": uuid(50), "attributes": {"blocked": True}},
    ("POST", "/v3/routes"): {
        "type": "routes",
        "attributes": {"destination_prefix": "44", "price_per_segment": "0.0125"},
        "relationships": {"carrier": {"data": {"type": "carriers", "id": uuid(50)}}},
    },
    ("PATCH", "/v3/routes/{id}"): {"type": "routes", "id": uuid(51), "attributes": {"priority": 2}},
}
IDS = {"sms_trunks": uuid(1), "dids": DIDS[0], "carriers": uuid(50), "routes": uuid(51)}
REFUSED_BY_RULES = {("DELETE", "/v3/carriers/{id}")}  # a route leads to it


@pytest.mark.parametrize("role", list(PanelRole))
@pytest.mark.parametrize("route", ROUTES, ids=lambda it: f"{it.method} {it.path}")
async def test_every_route_with_every_role(office: Office, route: ApiRoute, role: PanelRole) -> None:
    """Who is allowed gets the route's answer, everybody else a 403; nobody gets anything without a key."""
    key = key_for(office, role)
    path, body = route.path.replace("{id}", IDS.get(route.kind, "")), BODIES.get((route.method, route.path))
    before = office.writer.offset
    async with running(office) as site:
        unknown = [(await call(site, it, route.method, path, body)).status for it in (None, "x", key[:-1])]
        assert unknown == [401, 401, 401]
        answer = await call(site, key, route.method, path, body)
    if route.permission not in PERMISSIONS[role]:
        assert (403, before) == (answer.status, office.writer.offset)
        return
    expected = 422 if (route.method, route.path) in REFUSED_BY_RULES else route.status
    assert expected == answer.status, await answer.text()
    if answer.status != 204:
        assert answer.content_type == JSON_API


def test_every_route_that_takes_a_body_has_one_here() -> None:
    """A new route needs its line."""
    assert BODIES.keys() == {(route.method, route.path) for route in ROUTES if route.takes is not None}


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("GET", f"/v3/sms_trunks/{uuid(2)}", None),
        ("GET", "/v3/sms_trunks/nonsense", None),
        ("PATCH", f"/v3/sms_trunks/{uuid(2)}", {"type": "sms_trunks", "id": uuid(2), "attributes": {"blocked": True}}),
        ("DELETE", f"/v3/sms_trunks/{uuid(2)}", None),
        ("DELETE", "/v3/sms_trunks", [{"type": "sms_trunks", "id": uuid(1)}, {"type": "sms_trunks", "id": uuid(2)}]),
        ("GET", f"/v3/dids/{THEIR_DID}", None),
        ("GET", f"/v3/sms_trunks?filter[account_id]={THEIRS}", None),
        ("GET", f"/v3/dids?filter[account_id]={THEIRS}", None),
        (
            "POST",
            "/v3/sms_trunk_regenerate_credentials",
            {
                "type": "sms_trunk_regenerate_credentials",
                "relationships": {"sms_trunk": {"data": {"type": "sms_trunks", "id": uuid(2)}}},
            },
        ),
        (
            "POST",
            "/v3/sms_trunks",
            trunk_body() | {"relationships": {"account": {"data": {"type": "accounts", "id": THEIRS}}}},
        ),
    ],
)
async def test_another_accounts_entries_are_not_there(office: Office, method: str, path: str, data: Any) -> None:
    """404 everywhere, for an owner's key, and nothing is written."""
    key, before = key_for(office, PanelRole.OWNER), office.writer.offset
    async with running(office) as site:
        answer = await call(site, key, method, path, data)
        assert (404, before) == (answer.status, office.writer.offset)


async def test_a_trunk_from_its_creation_to_its_end(office: Office) -> None:
    """The password is shown once; no sender is allowed that was not named; what is left out of a change stays."""
    key = key_for(office, PanelRole.MEMBER)
    configuration = {"type": "http_out", "callback_url": "https://a.example/cb", "allowed_ips": ["192.0.2.0/24"]}
    body = trunk_body(configuration=configuration)
    body["relationships"] = {"outgoing_dids": {"data": [{"type": "dids", "id": DIDS[1]}]}}
    async with running(office) as site:
        created = await call(site, key, "POST", "/v3/sms_trunks", body)
        data = (await created.json())["data"]
        assert (201, f"/v3/sms_trunks/{data['id']}") == (created.status, created.headers["Location"])
        assert len(data["attributes"]["configuration"].pop("password")) == 32
        retrieved = await call(site, key, "GET", created.headers["Location"])
        assert data == (await retrieved.json())["data"]
        assert data["attributes"]["allow_any_did_as_source"] is False
        assert (DIDS[1],) == office.stored(data["id"]).allowed_sources
        change = {"type": "sms_trunks", "id": data["id"], "attributes": {"blocked": True}}
        changed = await call(site, key, "PATCH", created.headers["Location"], change)
        trunk = office.stored(data["id"])
        assert (
            changed.status, trunk.blocked, trunk.callback_url, trunk.allowed_ips,
        ) == (200, True, "https://a.example/cb", ("192.0.2.0/24",))  # fmt: skip
        assert (await call(site, key, "DELETE", created.headers["Location"])).status == 204
        assert (await call(site, key, "GET", created.headers["Location"])).status == 404


async def test_a_change_can_be_tied_to_a_version(office: Office) -> None:
    """If-Match with an old ETag changes nothing; with the current one, `*` or without it, it does."""
    key, path = key_for(office, PanelRole.MEMBER), f"/v3/sms_trunks/{uuid(1)}"
    async with running(office) as site:

        async def change(blocked: bool, **headers: str) -> int:
            data = {"type": "sms_trunks", "id": uuid(1), "attributes": {"blocked": blocked}}
            return (await call(site, key, "PATCH", path, data, **headers)).status

        etag = (await call(site, key, "GET", path)).headers["ETag"]
        assert await change(True, If_Match=etag) == 200
        for stale in (etag, "W/" + etag, '"x"', "nonsense", '"1", "2"'):
            assert await change(False, If_Match=stale) == 412
        assert office.stored(uuid(1)).blocked
        assert await change(False, If_Match="*") == 200
        assert (await call(site, key, "DELETE", path, If_Match=etag)).status == 412


async def test_every_problem_has_its_pointer(office: Office) -> None:
    """From the request's root, whether the model or the rules found it."""
    key = key_for(office, PanelRole.MEMBER)
    async with running(office) as site:

        async def pointers(data: Any) -> list[str]:
            answer = await call(site, key, "POST", "/v3/sms_trunks", data)
            assert answer.status == 422
            return [error["source"]["pointer"] for error in (await answer.json())["errors"]]

        configuration = {"type": "http_out", "callback_url": "ftp://x", "allowed_ips": ["::1", "bogus"]}
        body = trunk_body(name="Outbound SMS trunk 1", configuration=configuration)
        body["relationships"] = {"outgoing_dids": {"data": [{"type": "dids", "id": THEIR_DID}]}}
        base = "/data/attributes"
        expected = [
            f"{base}/configuration/callback_url",
            "/data/relationships/outgoing_dids/data/0",
            f"{base}/name",
            f"{base}/configuration/allowed_ips/1",
        ]
        assert expected == await pointers(body)
        assert [f"{base}/name", f"{base}/surprise~1"] == await pointers(trunk_body(**{"name": "", "surprise/": 1}))


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v3/sms_trunks?page[number]=0", "page[number]"),
        ("/v3/sms_trunks?page[size]=1001", "page[size]"),
        ("/v3/sms_trunks?page[size]=٣", "page[size]"),
        ("/v3/sms_trunks?sort=password", "sort"),
        ("/v3/sms_trunks?filter[blocked]=maybe", "filter[blocked]"),
        ("/v3/sms_trunks?filter[secret]=x", "filter[secret]"),
        ("/v3/sms_trunks?include=account", "include"),
        ("/v3/sms_trunks?sort=name&sort=name", "sort"),
        (f"/v3/sms_trunks/{uuid(1)}?include=account", "include"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(office: Office, path: str, parameter: str) -> None:
    """And not ignored in silence (JSON:API 1.1 section 6.3)."""
    key = key_for(office, PanelRole.READ_ONLY)
    async with running(office) as site:
        answer = await call(site, key, "GET", path)
        assert (400, parameter) == (answer.status, (await answer.json())["errors"][0]["source"]["parameter"])


async def test_lists_have_pages(office: Office) -> None:
    """A total, and links that keep the size."""
    for number in range(3, 8):
        credential = office.trunk.credentials[0].model_copy(update={"username": f"username{number}"})
        other = {"id": uuid(number), "name": f"t{number}", "credentials": (credential,)}
        office.add(office.trunk.model_copy(update=other))
    key = key_for(office, PanelRole.READ_ONLY)
    async with running(office) as site:
        answer = await call(site, key, "GET", "/v3/sms_trunks?filter[name]=T&sort=-name&page[size]=2&page[number]=2")
        document = await answer.json()
        assert [it["attributes"]["name"] for it in document["data"]] == ["t5", "t4"]
        assert document["meta"]["total_records"] == 6
        names = []
        for link in ("prev", "self", "next"):
            page = await (await call(site, key, "GET", document["links"][link])).json()
            names += [it["attributes"]["name"] for it in page["data"]]
        assert names == ["t7", "t6", "t5", "t4", "t3", "Outbound SMS trunk 1"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"\xff", 400), (b"[]", 422), (b"null", 422), (b'{"data":null}', 422),
        (b'{"data":{"type":"dids"}}', 422), (b"[" * 100_000, 400), (b'{"data":' + b"9" * 5000 + b"}", 400),
        (b'{"data":{"type":"sms_trunks","attributes":{"name":"\\ud800"}}}', 400), (b"x" * 2_000_000, 413),
    ],
)  # fmt: skip
async def test_hostile_bodies(office: Office, body: bytes, status: int) -> None:
    """Whatever is sent, the answer is a document."""
    key = key_for(office, PanelRole.OWNER)
    async with running(office) as site:
        answer = await site.client.post(
            "/v3/sms_trunks",
            data=io.BytesIO(body),
            headers={"Authorization": f"Bearer {key}", "Content-Type": JSON_API},
        )
        assert (status, JSON_API) == (answer.status, answer.content_type), await answer.text()
        assert all(error["status"] == str(status) for error in (await answer.json())["errors"])


async def test_front_door_answers(office: Office) -> None:
    """Another content type, method or path; a broker that is silent; an id that is not the path's."""
    key = key_for(office, PanelRole.OPERATOR)
    async with running(office) as site:
        assert (
            await call(site, key, "POST", "/v3/sms_trunks", trunk_body(), Content_Type="application/json")
        ).status == 415
        put = await call(site, key, "PUT", "/v3/sms_trunks", trunk_body())
        assert (put.status, put.content_type) == (405, JSON_API)
        assert "POST" in put.headers["Allow"]
        assert (await call(site, key, "GET", "/v3/nothing")).status == 404
        other = {"type": "sms_trunks", "id": uuid(2), "attributes": {}}
        assert (await call(site, key, "PATCH", f"/v3/sms_trunks/{uuid(1)}", other)).status == 409
        office.writer.fails = True
        answer = await call(site, key, "POST", "/v3/sms_trunks", trunk_body())
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


async def test_a_session_is_no_key(office: Office) -> None:
    """The API takes no cookies, so no page elsewhere can use them."""
    async with running(office) as site:
        await site.log_in()
        assert (await call(site, None, "GET", "/v3/sms_trunks")).status == 401


async def test_a_price_keeps_its_digits(office: Office) -> None:
    """As text, in both directions."""
    key = key_for(office, PanelRole.OPERATOR)
    async with running(office) as site:
        created = await call(site, key, "POST", "/v3/routes", BODIES["POST", "/v3/routes"])
        assert (await created.json())["data"]["attributes"]["price_per_segment"] == "0.0125"


def test_no_secret_is_in_any_resource(office: Office) -> None:
    """Whatever a list or a retrieval shows."""
    from agents.panel.api.resources import trunk_resource

    shown = json.dumps(trunk_resource(office.trunk))
    trunk: Trunk = office.trunk
    hidden = [office.password, trunk.credentials[0].hmac, trunk.credentials[0].sealed, trunk.callback_secrets[0].secret]
    assert [secret for secret in hidden if secret in shown] == []
