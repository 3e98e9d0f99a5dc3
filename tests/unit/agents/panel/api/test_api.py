"""The management API: every route with every role, JSON:API's shapes, ETags, and the same rules as the panel."""

import asyncio
import io
import json
from typing import Any

import pytest

from agents.panel.api.resources import ROUTES
from agents.panel.api.resources.trunks.documents import trunk_resource
from agents.panel.api.route import ApiRoute
from agents.panel.operations.actor import PERMISSIONS
from pipeline.carriers.profiles.shipped import shipped_text
from schemas.directory.carrier import Profile
from schemas.directory.limits import LIMITS
from schemas.directory.people import PanelRole
from schemas.directory.trunk import Trunk
from tests.builders import campaign, sender
from tests.unit.agents.panel.logged import logged, scheduled
from tests.unit.agents.panel.office import DIDS, OURS, THEIR_DID, THEIRS, Office, uuid
from tests.unit.agents.panel.site import JSON_API, call, key_for, running


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
    ("POST", "/v3/senders"): {
        "type": "senders",
        "attributes": {"address": "Example 2", "countries": ["DE"]},
        "relationships": {"account": {"data": {"type": "accounts", "id": OURS}}},
    },
    ("PATCH", "/v3/senders/{id}"): {"type": "senders", "id": uuid(82), "attributes": {"countries": []}},
    ("POST", "/v3/campaigns"): {
        "type": "campaigns",
        "attributes": {"name": "Doors", "senders": [DIDS[0]]},
        "relationships": {
            "sms_trunks": {"data": [{"type": "sms_trunks", "id": uuid(1)}]},
            "account": {"data": {"type": "accounts", "id": OURS}},
        },
    },
    ("PATCH", "/v3/campaigns/{id}"): {"type": "campaigns", "id": uuid(84), "attributes": {"blocked": True}},
    ("POST", "/v3/opt_outs"): {
        "type": "opt_outs",
        "attributes": {"number": "15550001112"},
        "relationships": {"account": {"data": {"type": "accounts", "id": OURS}}},
    },
    ("POST", "/v3/carrier_profiles"): {
        "type": "carrier_profiles",
        "attributes": {"name": "acme-2", "text": shipped_text("plain-get")},
    },
    ("PATCH", "/v3/carrier_profiles/{id}"): {
        "type": "carrier_profiles",
        "id": "acme",
        "attributes": {"text": shipped_text("plain-get")},
    },
    ("POST", "/v3/routes"): {
        "type": "routes",
        "attributes": {"destination_prefix": "44", "price_per_segment": "0.0125"},
        "relationships": {"carrier": {"data": {"type": "carriers", "id": uuid(50)}}},
    },
    ("POST", "/v3/accounts"): {"type": "accounts", "attributes": {"name": "a2", "number_check": "form"}},
    ("PATCH", "/v3/accounts/{id}"): {"type": "accounts", "id": OURS, "attributes": {"number_check": "form"}},
    ("PATCH", "/v3/routes/{id}"): {"type": "routes", "id": uuid(51), "attributes": {"priority": 2}},
}
IDS = {"sms_trunks": uuid(1), "dids": DIDS[0], "carriers": uuid(50), "carrier_profiles": "acme",
       "opt_outs": f"{OURS}:15550001111", "senders": uuid(82), "campaigns": uuid(84),
       "routes": uuid(51),
       "accounts": OURS, "outbound_messages": uuid(90), "outbound_message_events": uuid(90),
       "bulk_outbound_messages": uuid(95)}  # fmt: skip
REFUSED_BY_RULES = {("DELETE", "/v3/carriers/{id}"), ("DELETE", "/v3/accounts/{id}")}  # others refer to them


@pytest.mark.parametrize("role", list(PanelRole))
@pytest.mark.parametrize("route", ROUTES, ids=lambda it: f"{it.method} {it.path}")
async def test_every_route_with_every_role(office: Office, route: ApiRoute, role: PanelRole) -> None:
    """Who is allowed gets the route's answer, everybody else a 403; nobody gets anything without a key."""
    key = key_for(office, role)
    path, body = route.path.replace("{id}", IDS.get(route.kind, "")), BODIES.get((route.method, route.path))
    logged(office, uuid(90), uuid(1), OURS)
    scheduled(office, uuid(94), uuid(1), bulk_id=uuid(95))
    office.store.directory.opt_outs.add(OURS, "15550001111", office.now)
    office.add(Profile(id="acme", text=shipped_text("plain-get")), sender(id=uuid(82), account_id=OURS))
    office.add(campaign(id=uuid(84), account_id=OURS, senders=(DIDS[1],), trunk_ids=(uuid(1),)))
    before = office.store.offset
    async with running(office) as site:
        unknown = [(await call(site, it, route.method, path, body)).status for it in (None, "x", key[:-1])]
        assert unknown == [401, 401, 401]
        answer = await call(site, key, route.method, path, body)
    if route.permission not in PERMISSIONS[role]:
        assert (403, before) == (answer.status, office.store.offset)
        return
    expected = 422 if (route.method, route.path) in REFUSED_BY_RULES else route.status
    if role is PanelRole.OPERATOR and route.is_list and route.path in ("/v3/outbound_messages", "/v3/opt_outs"):
        expected = 422  # there are several accounts, and none is named
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
        ("GET", f"/v3/accounts/{THEIRS}", None),
        ("GET", f"/v3/outbound_messages/{uuid(91)}", None),
        ("GET", f"/v3/outbound_messages/{uuid(91)}/events", None),
        ("DELETE", f"/v3/outbound_messages/{uuid(91)}", None),
        ("DELETE", "/v3/outbound_messages/nonsense", None),
        ("DELETE", f"/v3/bulk_outbound_messages/{uuid(96)}", None),
        ("DELETE", f"/v3/bulk_outbound_messages/{uuid(97)}", None),
        ("GET", f"/v3/outbound_messages?filter[account_id]={THEIRS}", None),
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
    logged(office, uuid(91), uuid(2), THEIRS)
    scheduled(office, uuid(98), uuid(2), bulk_id=uuid(96))
    key, before = key_for(office, PanelRole.OWNER), office.store.offset
    async with running(office) as site:
        answer = await call(site, key, method, path, data)
        assert (404, before) == (answer.status, office.store.offset)
    assert office.producer.records == []


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
        office.store.fails = True
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


async def test_a_route_says_whose_it_is_and_from_where(office: Office) -> None:
    """Account, source prefix, weight and currency come back as they were set; null takes the account away again."""
    key = key_for(office, PanelRole.OPERATOR)
    settings = {"source_prefix": "1212", "weight": 70, "price_per_segment": "0.5", "currency": "EUR"}
    settings["short_codes"] = True
    body = {
        "type": "routes", "attributes": settings,
        "relationships": {
            "carrier": {"data": {"type": "carriers", "id": uuid(50)}},
            "account": {"data": {"type": "accounts", "id": OURS}},
        },
    }  # fmt: skip
    async with running(office) as site:
        made = (await (await call(site, key, "POST", "/v3/routes", body)).json())["data"]
        assert settings.items() <= made["attributes"].items()
        assert made["relationships"]["account"]["data"]["id"] == OURS
        found = await (await call(site, key, "GET", f"/v3/routes?filter[account_id]={OURS}")).json()
        assert [it["id"] for it in found["data"]] == [made["id"]]
        change = {"type": "routes", "id": made["id"], "relationships": {"account": {"data": None}}}
        change["attributes"] = {"short_codes": False}
        changed = await call(site, key, "PATCH", f"/v3/routes/{made['id']}", change)
        assert (await changed.json())["data"]["attributes"]["short_codes"] is False
        assert "account" not in (await changed.json())["data"]["relationships"]
        wrong = {**body, "attributes": {"currency": "euro"}}
        assert (await call(site, key, "POST", "/v3/routes", wrong)).status == 422


async def test_limits_are_set_by_operators_alone(office: Office) -> None:
    """A carrier's with its burst, a trunk's in whatever account; its owner sees the trunk's and cannot change it."""
    key, owner = key_for(office, PanelRole.OPERATOR), key_for(office, PanelRole.OWNER)
    limits = {"segments_per_second": 50, "burst": 5}
    async with running(office) as site:
        change = {"type": "carriers", "id": uuid(50), "attributes": limits}
        changed = await (await call(site, key, "PATCH", f"/v3/carriers/{uuid(50)}", change)).json()
        assert limits.items() <= changed["data"]["attributes"].items()
        path = f"/v3/sms_trunks/{uuid(1)}"
        limited = {"type": "sms_trunks", "id": uuid(1), "attributes": {"segments_per_second": 10}}
        assert (await call(site, owner, "PATCH", path, limited)).status == 403
        assert (await call(site, key, "PATCH", path, limited)).status == 200
        shown = await (await call(site, owner, "GET", path)).json()
        assert shown["data"]["attributes"]["segments_per_second"] == 10
        lifted = {**limited, "attributes": {"segments_per_second": None}}
        assert (await call(site, owner, "PATCH", path, lifted)).status == 403
        renamed = {**limited, "attributes": {"name": "Renamed"}}
        answer = await (await call(site, owner, "PATCH", path, renamed)).json()
        assert answer["data"]["attributes"]["segments_per_second"] == 10
        wrong = {**limited, "attributes": {"segments_per_second": 0}}
        assert (await call(site, key, "PATCH", path, wrong)).status == 422


async def test_limits_of_trunks_and_accounts_are_set_by_operators_alone(office: Office) -> None:
    """Shown to whoever sees the entry, also where it is made; null lifts. Spend is text, so that no digit is lost."""
    key, owner = key_for(office, PanelRole.OPERATOR), key_for(office, PanelRole.OWNER)
    limits = {
        "segments_per_second": 30, "requests_per_second": 20, "segments_per_day": 10_000,
        "spend_per_day": "250.50", "spend_currency": "USD",
        "messages_per_number": 5, "number_window_minutes": 10, "messages_per_range": 100, "range_window_minutes": 60,
        "same_text_minutes": 1440,
    }  # fmt: skip
    wrongs: dict[str, list[Any]] = {
        "requests_per_second": [0, 100_001, 1.5, "20"], "segments_per_day": [0, 10**10, "1"],
        "spend_per_day": ["-1", "1e3", 250, "0.1234567"], "spend_currency": ["usd", "EURO", ""],
        "messages_per_number": [0, 1_000_001, "5"], "range_window_minutes": [0, 1441],
        "same_text_minutes": [0, 1441, 1.5],
    }  # fmt: skip
    async with running(office) as site:
        for kind, identity in (("sms_trunks", uuid(1)), ("accounts", OURS)):
            path = f"/v3/{kind}/{identity}"
            for name, wrong in ((name, value) for name, values in wrongs.items() for value in values):
                change = {"type": kind, "id": identity, "attributes": {name: wrong}}
                answer = await call(site, key, "PATCH", path, change)
                (error,) = (await answer.json(content_type=JSON_API))["errors"]
                assert (answer.status, error["source"]) == (422, {"pointer": f"/data/attributes/{name}"})
            for half in ({"spend_per_day": "1"}, {"spend_currency": "USD"}):
                answer = await call(site, key, "PATCH", path, {"type": kind, "id": identity, "attributes": half})
                (error,) = (await answer.json(content_type=JSON_API))["errors"]
                assert error["source"] == {"pointer": "/data/attributes/spend_currency"}
            for name in ("messages_per_range", "range_window_minutes"):
                alone = {"type": kind, "id": identity, "attributes": {name: 5}}
                answer = await call(site, key, "PATCH", path, alone)
                (error,) = (await answer.json(content_type=JSON_API))["errors"]
                assert error["source"] == {"pointer": "/data/attributes/range_window_minutes"}
            limited = {"type": kind, "id": identity, "attributes": limits}
            assert (await call(site, owner, "PATCH", path, limited)).status == 403
            assert (await call(site, key, "PATCH", path, limited)).status == 200
            shown = (await (await call(site, owner, "GET", path)).json())["data"]["attributes"]
            assert limits.items() <= shown.items()
            renamed = {**limited, "attributes": {"name": "Renamed"}}
            kept = (await (await call(site, key, "PATCH", path, renamed)).json())["data"]["attributes"]
            assert limits.items() <= kept.items()
            lifted = {**limited, "attributes": dict.fromkeys(limits)}
            shown = (await (await call(site, key, "PATCH", path, lifted)).json())["data"]["attributes"]
            assert dict.fromkeys(limits).items() <= shown.items()
        body = {"type": "accounts", "attributes": {"name": "New", **limits}}
        made = (await (await call(site, key, "POST", "/v3/accounts", body)).json())["data"]["attributes"]
        assert limits.items() <= made.items()
        trunk = trunk_body()
        trunk["attributes"] |= limits
        assert (await call(site, owner, "POST", "/v3/sms_trunks", trunk)).status == 403


async def test_a_trunks_smart_encoding_is_set_and_shown(office: Office) -> None:
    """Off until it is set to another word; what is none is refused with its place."""
    key, path = key_for(office, PanelRole.OWNER), f"/v3/sms_trunks/{uuid(1)}"
    async with running(office) as site:
        shown = await (await call(site, key, "GET", path)).json()
        assert shown["data"]["attributes"]["smart_encoding"] == "off"
        for word, status in (("replace", 200), ("on", 422), (None, 422), ("transliterate", 200), ("off", 200)):
            change = {"type": "sms_trunks", "id": uuid(1), "attributes": {"smart_encoding": word}}
            answer = await call(site, key, "PATCH", path, change)
            assert answer.status == status
            body = await answer.json()
            if status == 200:
                assert body["data"]["attributes"]["smart_encoding"] == word
            else:
                assert body["errors"][0]["source"]["pointer"] == "/data/attributes/smart_encoding"


def test_no_secret_is_in_any_resource(office: Office) -> None:
    """Whatever a list or a retrieval shows."""
    shown = json.dumps(trunk_resource(office.trunk))
    trunk: Trunk = office.trunk
    hidden = [office.password, trunk.credentials[0].hmac, trunk.credentials[0].sealed, trunk.callback_secrets[0].secret]
    assert [secret for secret in hidden if secret in shown] == []


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/vnd.api+json", 200),
        ("application/json", 200),
        ("*/*", 200),
        ("", 200),
        ("application/vnd.api+json;charset=utf-8", 406),
        ("text/html", 406),
    ],
)
async def test_accept_must_leave_a_form_that_there_is(office: Office, accept: str, status: int) -> None:
    """JSON:API 1.1: the media type with parameters is none of ours."""
    async with running(office) as site:
        answer = await call(site, key_for(office, PanelRole.OWNER), "GET", "/v3/sms_trunks", Accept=accept)
        assert answer.status == status
        if status == 406:
            (error,) = (await answer.json(content_type=JSON_API))["errors"]
            assert (error["title"], error["source"]) == ("Not Acceptable", {"header": "Accept"})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
async def test_a_byte_order_mark_is_named(office: Office, encoding: str) -> None:
    """No JSON text on the wire begins with one, and nobody sees it in an editor."""
    async with running(office) as site:
        headers = {"Authorization": f"Bearer {key_for(office, PanelRole.OWNER)}", "Content-Type": JSON_API}
        body = json.dumps({"data": trunk_body()}).encode(encoding)
        answer = await site.client.post("/v3/sms_trunks", data=body, headers=headers)
        (error,) = (await answer.json(content_type=JSON_API))["errors"]
        assert answer.status == 400
        assert "byte order mark" in error["detail"]


async def test_an_account_is_changed_by_what_is_given(office: Office) -> None:
    """How its numbers are checked, its name, whether it is blocked: the rest stays, and each change is recorded."""
    key, path = key_for(office, PanelRole.OPERATOR), f"/v3/accounts/{OURS}"
    async with running(office) as site:
        change = {"type": "accounts", "id": OURS, "attributes": {"number_check": "form"}}
        changed = await call(site, key, "PATCH", path, change)
        shown = (await changed.json())["data"]["attributes"]
        without = dict.fromkeys(LIMITS)
        assert shown == {"name": "Ours", "blocked": False, "number_check": "form", "store_texts": False, **without}
        wrong = {"type": "accounts", "id": OURS, "attributes": {"number_check": "none"}}
        assert (await call(site, key, "PATCH", path, wrong)).status == 422
        created = await call(site, key, "POST", "/v3/accounts", {"type": "accounts", "attributes": {"name": "New"}})
        made = (await created.json())["data"]
        usual = {"name": "New", "blocked": False, "number_check": "plan", "store_texts": False}
        assert made["attributes"] == usual | without
        listed = await call(site, key_for(office, PanelRole.MEMBER), "GET", "/v3/accounts")
        assert [it["id"] for it in (await listed.json())["data"]] == [OURS]
        assert (await call(site, key, "DELETE", created.headers["Location"])).status == 204
    assert [it.action for it in office.store.events] == ["account.updated", "account.created", "account.removed"]
    assert "number_check" in office.store.events[0].to_bytes().decode()


async def test_a_character_that_cannot_be_seen_is_named_in_the_error(office: Office) -> None:
    """A number was copied with it: the error says which it is and where."""
    body = {
        "type": "dids",
        "attributes": {"number": "1212\u200b5557777"},
        "relationships": {"account": {"data": {"type": "accounts", "id": OURS}}},
    }
    async with running(office) as site:
        answer = await call(site, key_for(office, PanelRole.OPERATOR), "POST", "/v3/dids", body)
        (error,) = (await answer.json())["errors"]
    assert "character 5 is U+200B ZERO WIDTH SPACE" in error["detail"]


@pytest.mark.parametrize(("coding", "status"), [("chunked", 201), ("gzip, chunked", 501)])
async def test_a_transfer_coding_that_is_not_understood(office: Office, coding: str, status: int) -> None:
    """What was coded so is no JSON until somebody has undone it."""
    body = json.dumps({"data": trunk_body()}).encode()
    async with running(office) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.client.port)
        writer.write(
            f"POST /v3/sms_trunks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key_for(office, PanelRole.OWNER)}\r\n"
            f"Content-Type: {JSON_API}\r\nTransfer-Encoding: {coding}\r\n\r\n{len(body):x}\r\n".encode()
            + body
            + b"\r\n0\r\n\r\n"
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        writer.close()


async def test_an_accounts_messages_are_searched_as_trunks_search_theirs(office: Office) -> None:
    """With the filters of the log, by trunk too; operators name the account, and are told where a message went."""
    for number in range(3):
        logged(office, uuid(90 + number), uuid(1), OURS, destination=f"1310555000{number}")
    async with running(office) as site:
        key = key_for(office, PanelRole.OPERATOR)
        path = f"/v3/outbound_messages?filter[account_id]={OURS}&filter[trunk_id]={uuid(1)}&page[size]=2"
        body = await (await call(site, key, "GET", path)).json()
        assert len(body["data"]) == 2
        assert body["data"][0]["relationships"]["sms_trunk"]["data"]["id"] == uuid(1)
        rest = await (await call(site, key, "GET", body["links"]["next"])).json()
        assert len(rest["data"]) == 1
        assert (await call(site, key, "GET", f"{path}&sort=id")).status == 400
        assert (await call(site, key, "GET", f"/v3/outbound_messages/{uuid(90)}?page[size]=1")).status == 400
        events = await (await call(site, key, "GET", f"/v3/outbound_messages/{uuid(90)}/events")).json()
        assert [it["attributes"]["event"] for it in events["data"]] == ["accepted", "processed", "authorized"]
