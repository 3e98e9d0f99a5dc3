"""What a newcomer sees: one command, one request, one signed callback."""

import asyncio
import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from smsout_client import AsyncClient, Refused, read_callback

from tests.e2e.customer import Customer
from tests.systems import running_system

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running_system(tmp_path_factory.mktemp("system")) as ready:
        yield ready


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
            text = {"source": "12125551234", "content": "Grüße"}
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


def mentions(message_id: str, inbox: list[dict[str, Any]]) -> bool:
    return any(message_id in callback["body"] for callback in inbox)


async def test_a_killed_agent_comes_back_and_its_pid_with_it(system: dict[str, Any]) -> None:
    """After SIGKILL of each agent the supervisor starts it again, rewrites the ready file, and messages flow."""
    async with Customer(system) as customer:
        for agent in ("ingress", "processor", "delivery", "callback"):
            await customer.delete("/inbox/demo")
            old = json.loads(Path(system["ready_file"]).read_text())["pids"][agent]
            os.kill(old, signal.SIGKILL)
            async with asyncio.timeout(20):
                while json.loads(Path(system["ready_file"]).read_text())["pids"][agent] == old:
                    await asyncio.sleep(0.05)
            async with asyncio.timeout(20):
                while True:
                    try:
                        message_id = await customer.send("15551234567", f"after {agent}")
                        break
                    except OSError:
                        await asyncio.sleep(0.05)
            await customer.wait_for("/inbox/demo", partial(mentions, message_id))
