"""What a newcomer sees: one command, one request, one signed callback."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from smsout_client import AsyncClient, Outgoing, Refused, read_callback

from tests.e2e.customer import JSON_API, PATIENCE_SECONDS, Customer

pytestmark = pytest.mark.e2e


@pytest.fixture
def system(demo_system: dict[str, Any]) -> dict[str, Any]:
    return demo_system


async def test_a_message_reaches_the_carrier_and_its_signed_callback_the_customer(system: dict[str, Any]) -> None:
    """201, one POST at the carrier, one callback that the public library verifies and that names the message."""
    async with Customer(system) as customer:
        await customer.delete("/carrier/ledger")
        await customer.delete("/inbox/demo")
        message_id = await customer.send("15551234567", "Hello World!")
        callbacks = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 1)
        (entry,) = await customer.ledger()
        assert entry["idempotency_key"] == entry["segment_id"] == f"{message_id}:1"
        assert (entry["source"], entry["destination"], entry["text"]) == (
            "12125551234",
            "15551234567",
            "Hello World!",
        )
        assert (entry["data_coding"], entry["udh"]) == (0, None)
        body = customer.verified(callbacks[0])
        assert body["data"]["type"] == "outbound_message_callbacks"
        assert body["data"]["id"] == message_id
        attributes = body["data"]["attributes"]
        assert (attributes["status"], attributes["code_id"]) == ("Success", None)
        assert (attributes["source"], attributes["destination"]) == ("12125551234", "15551234567")
        assert attributes["fragments_sent"] == 1


async def test_a_program_sends_with_the_python_client(system: dict[str, Any]) -> None:
    """It sends, once however often; reads the callback; looks the message up; is told what is wrong with a number."""
    trunk = system["trunk"]
    async with Customer(system) as customer:
        await customer.delete("/carrier/ledger")
        await customer.delete("/inbox/demo")
        async with AsyncClient(
            system["ingress_url"], log_url=system["message_log_url"], username=trunk["username"],
            password=trunk["password"],
        ) as sms:  # fmt: skip
            text: dict[str, Any] = {"source": "12125551234", "content": "Grüße"}
            sent = await sms.send(destination="15551234570", key="an order's number", **text)
            again = await sms.send(destination="15551234570", key="an order's number", **text)
            assert (again.id, again.replayed, sent.replayed) == (sent.id, True, False)
            (callback,) = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 1)
            told = read_callback(callback["body"].encode(), callback["headers"], trunk["callback_secret"])
            assert (told.message_id, told.status) == (sent.id, "Success")
            async with asyncio.timeout(30):
                while [it.status async for it in sms.messages(destination="15551234570")] != ["Success"]:
                    await asyncio.sleep(0.2)
            assert (await sms.message(sent.id)).segments_sent == 1
            assert [it.event for it in await sms.events(sent.id)][:2] == ["accepted", "authorized"]
            many = await sms.send_many(destinations=["15551234571", "15551234572"], **text)
            assert [it.destination for it in many] == ["15551234571", "15551234572"]
            with pytest.raises(Refused) as refused:
                await sms.send(destination="4407700900123", **text)
            assert [it.pointer for it in refused.value.problems] == ["/data/attributes/destination"]
            with pytest.raises(Refused, match="HTTP 404"):
                await sms.message("00000000-0000-4000-8000-000000000000")


def test_a_person_sends_from_the_command_line(system: dict[str, Any], tmp_path: Path) -> None:
    """A profile with the secrets typed; a preview, a message, what became of it, the trunk that sent it."""
    environment = {**os.environ, "SMSOUT_PROFILES": str(tmp_path / "profiles.toml")}

    def smsout(*arguments: str, typed: str = "", code: int = 0) -> str:
        ended = subprocess.run(
            [Path(sys.executable).with_name("smsout"), *arguments], input=typed, env=environment, capture_output=True,
            text=True, check=False, timeout=60,
        )  # fmt: skip
        assert ended.returncode == code, ended.stderr
        return ended.stdout or ended.stderr

    trunk, panel = system["trunk"], system["panel"]
    smsout(
        "profiles", "set", "default", "--url", system["ingress_url"], "--username", trunk["username"], "--log-url",
        system["message_log_url"], "--api-url", system["panel_url"], typed=f"{trunk['password']}\n{panel['api_key']}\n",
    )  # fmt: skip
    addresses = ("--from", "12125551234", "--to", "15551234579")
    assert smsout("preview", *addresses, "Grüße").startswith("GSM-7: 1 segment")
    message_id = smsout("send", *addresses, "--reference", "by hand", "-", typed="Grüße\n").split()[0]
    until = time.monotonic() + 30
    while "Success" not in (shown := smsout("messages", "list", "--since", "1h", "--reference", "by hand")):
        assert time.monotonic() < until, shown
    assert message_id in shown
    assert "accepted" in smsout("messages", "get", message_id)
    [listed] = [json.loads(line) for line in smsout("trunks", "list", "--json").splitlines()]
    assert trunk["username"] in smsout("trunks", "get", listed["id"])
    refused = smsout("send", "--from", "12125551234", "--to", "4407700900123", "Grüße", code=65)
    assert refused.startswith("smsout: /data/attributes/destination: ")


async def test_who_has_opted_out_gets_nothing(system: dict[str, Any]) -> None:
    """Told by the management API, in force within moments; the callback says why; who opts in again is sent to."""
    number, headers = "15551234588", {"Authorization": f"Bearer {system['panel']['api_key']}", "Content-Type": JSON_API}
    async with Customer(system) as customer, aiohttp.ClientSession(system["panel_url"], headers=headers) as panel:
        await customer.delete("/inbox/demo")
        body = {"data": {"type": "opt_outs", "attributes": {"number": number}}}
        async with panel.post("/v3/opt_outs", json=body) as answer:
            assert answer.status == 201, await answer.text()
            identity = (await answer.json(content_type=None))["data"]["id"]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await customer.preview(number, "Hello"))["sendable"]:
                await asyncio.sleep(0.1)
        # Ingress has heard of it; the processor hears in its own time, on a busy machine a moment later.
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                refused = await customer.send(number, "Hello")
                (callback,) = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 1)
                told = customer.verified(callback)["data"]
                assert told["id"] == refused
                if told["attributes"]["code_id"] == 9:
                    break
                await customer.delete("/inbox/demo")
        async with panel.delete(f"/v3/opt_outs/{identity}") as answer:
            assert answer.status == 204, await answer.text()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await customer.preview(number, "Hello"))["sendable"]:
                await asyncio.sleep(0.1)
        await customer.delete("/inbox/demo")
        await customer.send(number, "Hello")
        (callback,) = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 1)
        assert customer.verified(callback)["data"]["attributes"]["status"] == "Success"


async def test_a_registered_name_is_the_sender_in_its_countries(system: dict[str, Any]) -> None:
    """The carrier gets it as it is written; to another country the callback says why not, and so does the preview."""
    headers = {"Authorization": f"Bearer {system['panel']['api_key']}", "Content-Type": JSON_API}
    async with Customer(system) as customer, aiohttp.ClientSession(system["panel_url"], headers=headers) as panel:
        await customer.delete("/carrier/ledger")
        await customer.delete("/inbox/demo")
        async with panel.get(f"/v3/sms_trunks/{system['trunk']['id']}") as answer:
            account = (await answer.json(content_type=None))["data"]["relationships"]["account"]
        attributes = {"address": "Grüße & Co", "countries": ["DE"]}
        body = {"type": "senders", "attributes": attributes, "relationships": {"account": account}}
        async with panel.post("/v3/senders", json={"data": body}) as answer:
            assert answer.status == 201, await answer.text()
        german, british = "4915112345678", "447700900123"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await customer.preview(german, "Hallo", source="Grüße & Co"))["sendable"]:
                await asyncio.sleep(0.1)
        foreseen = await customer.preview(british, "Hello", source="Grüße & Co")
        assert (foreseen["code_id"], foreseen["reason"]) == (8, "the source is not registered for GB")
        refused = await customer.send(british, "Hello", source="Grüße & Co")
        sent = await customer.send(german, "Hallo", source="Grüße & Co")
        callbacks = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 2)
        told = {it["id"]: it["attributes"] for it in (customer.verified(callback)["data"] for callback in callbacks)}
        assert (told[refused]["code_id"], told[refused]["source"]) == (8, "Grüße & Co")
        assert (told[sent]["status"], told[sent]["source"]) == ("Success", "Grüße & Co")
        [entry] = await customer.ledger()
        assert (entry["source"], entry["destination"], entry["text"]) == ("Grüße & Co", german, "Hallo")


async def test_a_campaign_lets_a_number_send_as_an_application(system: dict[str, Any]) -> None:
    """One that is not for P2P: within the campaign it is sent, which callback and log name; without it is refused."""
    source, trunk_id = "12125551236", system["trunk"]["id"]
    headers = {"Authorization": f"Bearer {system['panel']['api_key']}", "Content-Type": JSON_API}
    async with Customer(system) as customer, aiohttp.ClientSession(system["panel_url"], headers=headers) as panel:
        await customer.delete("/inbox/demo")
        body = {
            "type": "campaigns",
            "attributes": {"name": "Doors", "senders": [source]},
            "relationships": {"sms_trunks": {"data": [{"type": "sms_trunks", "id": trunk_id}]}},
        }
        async with panel.post("/v3/campaigns", json={"data": body}) as answer:
            assert answer.status == 201, await answer.text()
            campaign_id = (await answer.json(content_type=None))["data"]["id"]
        text: dict[str, Any] = {"source": source, "destination": "15551234590", "content": "Doors open at 19:00"}
        trunk = system["trunk"]
        async with AsyncClient(
            system["ingress_url"], log_url=system["message_log_url"], username=trunk["username"],
            password=trunk["password"],
        ) as sms:  # fmt: skip
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (await sms.preview(**text, campaign_id=campaign_id)).sendable:
                    await asyncio.sleep(0.1)
            sent = await sms.send(**text, campaign_id=campaign_id)
            refused = await sms.send(**text)
            unknown = await sms.send(**text, campaign_id=trunk_id)
            callbacks = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 3)
            told = {
                it["id"]: it["attributes"] for it in (customer.verified(callback)["data"] for callback in callbacks)
            }
            assert (told[sent.id]["status"], told[sent.id]["campaign_id"]) == ("Success", campaign_id)
            assert (told[refused.id]["code_id"], "campaign_id" in told[refused.id]) == (8, False)
            assert (told[unknown.id]["code_id"], told[unknown.id]["campaign_id"]) == (10, trunk_id)
            async with asyncio.timeout(30):
                while [it.id async for it in sms.messages(campaign_id=campaign_id)] != [sent.id]:
                    await asyncio.sleep(0.2)


async def test_long_text_arrives_in_order_with_headers(system: dict[str, Any]) -> None:
    """The segments of one message reach the carrier in order, as they were foreseen, and joined they are the text."""
    async with Customer(system) as customer:
        await customer.delete("/carrier/ledger")
        await customer.delete("/inbox/demo")
        text = "Ünïcode ☃ 😀 " * 20
        foreseen = await customer.preview("15551234568", text)
        message_id = await customer.send("15551234568", text)
        (callback,) = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 1)
        ledger = await customer.ledger()
        assert [it["segment_id"] for it in ledger] == [f"{message_id}:{n}" for n in range(1, len(ledger) + 1)]
        assert "".join(it["text"] for it in ledger) == text
        assert {it["data_coding"] for it in ledger} == {8}
        references = {it["udh"][6:8] for it in ledger}
        assert [it["udh"] for it in ledger] == [
            f"050003{next(iter(references))}{len(ledger):02x}{n:02x}" for n in range(1, len(ledger) + 1)
        ]
        told = customer.verified(callback)["data"]["attributes"]
        assert told["fragments_sent"] == len(ledger) > 3
        assert [it["content"] for it in foreseen["segments"]] == [it["text"] for it in ledger]
        assert (foreseen["sendable"], foreseen["price"], foreseen["currency"]) == (
            True,
            told["price"],
            told["currency"],
        )


async def test_smart_encoding_is_told_from_the_preview_to_the_log(system: dict[str, Any]) -> None:
    """The carrier gets the text as it was foreseen; callback and log say what was changed."""
    trunk = system["trunk"]
    log = system["message_log_url"]
    async with (
        Customer(system) as customer,
        AsyncClient(system["ingress_url"], username=trunk["username"], password=trunk["password"], log_url=log) as sms,
    ):
        await customer.delete("/carrier/ledger")
        await customer.delete("/inbox/demo")
        text = "It’s ready – cafe\u0301…"
        sent = await sms.send(source="12125551234", destination="15551234573", content=text, smart_encoding="replace")
        (callback,) = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 1)
        told = read_callback(callback["body"].encode(), callback["headers"], trunk["callback_secret"])
        (segment,) = await customer.ledger()
        assert (segment["data_coding"], segment["text"]) == (0, "It's ready - café...")
        assert [(it.step, it.before, it.after) for it in told.text_changes] == [
            ("composed", "e\u0301", "é"), ("replaced", "’", "'"), ("replaced", "–", "-"), ("replaced", "…", "..."),
        ]  # fmt: skip
        async with asyncio.timeout(30):
            while [it.status async for it in sms.messages(destination="15551234573")] != ["Success"]:
                await asyncio.sleep(0.2)
        logged = await sms.message(sent.id)
        assert (logged.encoding, logged.text_changes) == ("GSM-7", told.text_changes)


async def test_messages_that_differ_go_in_one_request(system: dict[str, Any]) -> None:
    """Each text reaches its number under its id and reference, once, however often the request is sent."""
    trunk = system["trunk"]
    async with (
        Customer(system) as customer,
        AsyncClient(system["ingress_url"], username=trunk["username"], password=trunk["password"]) as sms,
    ):
        await customer.delete("/carrier/ledger")
        await customer.delete("/inbox/demo")
        messages = [
            Outgoing("15551234574", values={"name": "Ann"}, client_reference="table 7"),
            Outgoing("15551234575", values={"name": "{{name}}"}),
            Outgoing("15551234574", values={"name": "Bob"}, client_reference="table 8"),
        ]
        asked: dict[str, Any] = {
            "source": "12125551234",
            "content": "Hello {{name}}",
            "messages": messages,
            "key": "an evening",
        }
        sent = await sms.send_each(**asked, client_reference="evening")
        again = await sms.send_each(**asked, client_reference="evening")
        assert [it.id for it in again] == [it.id for it in sent]
        assert all(it.replayed for it in again)
        inbox = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 3)
        told = [read_callback(it["body"].encode(), it["headers"], trunk["callback_secret"]) for it in inbox]
        assert {it.message_id: it.client_reference for it in told} == {
            it.id: reference for it, reference in zip(sent, ("table 7", "evening", "table 8"), strict=True)
        }
        ledger = {it["message_id"]: (it["destination"], it["text"]) for it in await customer.ledger()}
        assert len(await customer.ledger()) == 3
        assert [ledger[it.id] for it in sent] == [
            ("15551234574", "Hello Ann"), ("15551234575", "Hello {{name}}"), ("15551234574", "Hello Bob"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "status", "code_id"),
    [("12125551236", "Routing error", 8), ("12125550000", "Routing error", 8)],
)
async def test_a_source_that_is_not_allowed_comes_back_as_routing_error(
    system: dict[str, Any], source: str, status: str, code_id: int
) -> None:
    """A DID without P2P and a number of nobody are accepted at the door and refused by callback; no SMS goes out."""
    async with Customer(system) as customer:
        await customer.delete("/carrier/ledger")
        await customer.delete("/inbox/demo")
        foreseen = await customer.preview("15551234567", "Hello", source=source)
        message_id = await customer.send("15551234567", "Hello", source=source)
        (callback,) = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 1)
        data = customer.verified(callback)["data"]
        assert data["id"] == message_id
        assert (data["attributes"]["status"], data["attributes"]["code_id"]) == (status, code_id)
        assert (foreseen["sendable"], foreseen["status"], foreseen["code_id"]) == (False, status, code_id)
        assert await customer.ledger() == []
