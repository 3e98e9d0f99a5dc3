"""`smsout trunks list` and `get`."""

import json
from typing import Any

import httpx

from tests.unit.smsout_client.command.console import Console
from tests.unit.smsout_client.gateway import ID, Gateway


def trunk(*, any_source: bool = False, sources: list[str] | None = None, count: int = 2) -> dict[str, Any]:
    dids: dict[str, Any] = {"meta": {"count": count}}
    if sources is not None:
        dids["data"] = [{"type": "dids", "id": it} for it in sources]
    configuration = {"callback_url": None, "allowed_ips": ["192.0.2.0/24"], "receipts_enabled": True, "username": "u"}
    return {
        "id": ID,
        "type": "sms_trunks",
        "attributes": {
            "name": "Alerts\x1b", "blocked": True, "allow_any_did_as_source": any_source, "configuration": configuration
        },
        "relationships": {"outgoing_dids": dids},
    }  # fmt: skip


def test_trunks_are_a_table(console: Console) -> None:
    """All pages of it; a name cannot command a terminal."""
    first = httpx.Response(200, json={"data": [trunk()], "links": {"next": "/v3/sms_trunks?page[number]=2"}})
    console.asks(gateway := Gateway(first, httpx.Response(200, json={"data": [trunk(any_source=True)], "links": {}})))
    assert console.run("trunks", "list", "--name", "lert").stdout.splitlines() == [
        "ID                                    NAME     STATE    SOURCES  CALLBACKS",
        f"{ID}  Alerts\N{REPLACEMENT CHARACTER}  blocked  2        none",
        f"{ID}  Alerts\N{REPLACEMENT CHARACTER}  blocked  any      none",
    ]
    assert gateway.asked[0].headers["authorization"] == "Bearer key"
    assert gateway.asked[0].url.params["filter[name]"] == "lert"
    assert gateway.asked[1].url.path == "/v3/sms_trunks"


def test_one_trunk_comes_with_its_senders(console: Console) -> None:
    """For people, and as JSON."""
    shown = trunk(sources=["12125551234", "12125551235"])
    console.asks(Gateway(*[httpx.Response(200, json={"data": shown})] * 2))
    assert console.run("trunks", "get", ID).stdout.splitlines() == [
        f"{ID}  Alerts\N{REPLACEMENT CHARACTER}  blocked",
        "user u, from 192.0.2.0/24",
        "callbacks to nobody, with receipts",
        "2 senders:",
        "12125551234",
        "12125551235",
    ]
    assert json.loads(console.run("trunks", "get", ID, "--json").stdout) == shown
