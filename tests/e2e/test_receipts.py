"""Delivery receipts through the whole system: from the practice carrier to the customer's dlr_event."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from schemas.identifiers import uuid7
from schemas.topics import SUBMITTED
from tests.builders import submission
from tests.e2e.panel import SOURCE, MadeTrunk, OperatorClient, new_destination
from tests.systems import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LONG = "0123456789" * 40
"""Three segments."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Any:
    environment = {"SMSOUT_RECEIPTS_TIMEOUT_SECONDS": "8"}
    with running_system(tmp_path_factory.mktemp("receipts"), environment=environment) as ready:
        yield ready


@pytest_asyncio.fixture(loop_scope="module")
async def client(system: dict[str, Any]) -> Any:
    async with OperatorClient(system) as opened:
        yield opened


async def events(client: OperatorClient, trunk: MadeTrunk, count: int = 2) -> list[dict[str, Any]]:
    """Wait for `count` callbacks of a trunk; return their `data` in the order in which they came."""
    found = await client.wait_for(trunk.inbox, lambda entries: len(entries) >= count)
    return [json.loads(it["body"])["data"] for it in found]


async def test_the_first_message_with_receipts_ends_as_delivered(client: OperatorClient) -> None:
    """The hand-over is told first, then one dlr_event, signed, under an id of its own; the trunk's switch is all."""
    trunk = await client.make_trunk(receipts_enabled=True)
    assert await client.send_as(trunk.username, trunk.password, new_destination(), text=LONG) == 201
    found = await client.wait_for(trunk.inbox, lambda entries: len(entries) == 2)
    processed, delivered = [json.loads(it["body"])["data"] for it in found]
    assert (processed["type"], processed["attributes"]["status"]) == ("outbound_message_callbacks", "Success")
    assert processed["attributes"]["fragments_sent"] == 3
    assert delivered == {"type": "dlr_event", "id": processed["id"], "attributes": {"status": "DELIVERED"}}
    assert [it["headers"]["webhook-id"] for it in found] == [
        f"{processed['id']}.processing",
        f"{processed['id']}.delivery",
    ]


async def test_a_name_comes_back_in_every_callback_and_finds_its_message(client: OperatorClient) -> None:
    """Over HTTP and from a producer, through every topic; beside one without a name, and one that is refused."""
    labels: dict[str, Any] = {"client_reference": "заказ 4711", "tags": ["a", "b"]}
    trunk = await client.make_trunk(receipts_enabled=True)
    named = await client.send_through(trunk, new_destination(), **labels)
    other = await client.send_through(trunk, new_destination())
    refused = await client.send_through(trunk, new_destination(), source="12125550000", **labels)
    produced = uuid7()
    to, more = new_destination(), labels | {"tags": tuple(labels["tags"])}
    asked = submission(to, id=produced, trunk_id=trunk.id, source=SOURCE, **more)
    async with AIOKafkaProducer(bootstrap_servers=client.ready["bootstrap_servers"]) as producer:
        await producer.send_and_wait(SUBMITTED, asked.to_bytes(), key=trunk.id.encode())
    told = await events(client, trunk, 7)
    assert {(it["id"], it["type"]) for it in told if labels.items() <= it["attributes"].items()} == {
        (named, "outbound_message_callbacks"), (named, "dlr_event"), (refused, "outbound_message_callbacks"),
        (produced, "outbound_message_callbacks"), (produced, "dlr_event"),
    }  # fmt: skip
    assert {"client_reference", "tags"}.isdisjoint(key for it in told if it["id"] == other for key in it["attributes"])
    for identity in (named, other, produced):
        await client.happened(trunk, identity, until="delivery")
    for query in ({"filter[client_reference]": labels["client_reference"]}, {"filter[tags]": "b"}):
        async with asyncio.timeout(20):
            while len(found := await client.looked_up(trunk, query)) < 3:
                await asyncio.sleep(0.1)
        assert {it["id"]: {name: it["attributes"][name] for name in labels} for it in found} == {
            named: labels, refused: labels, produced: labels,
        }  # fmt: skip


async def test_with_the_switch_off_nobody_asks_and_nobody_is_told(client: OperatorClient) -> None:
    """The carrier is given no address."""
    trunk, destination = await client.make_trunk(), new_destination()
    assert await client.send_as(trunk.username, trunk.password, destination) == 201
    (posted,) = await client.at_the_carrier(destination)
    assert "receipt_url" not in json.loads(posted["body"])
    await asyncio.sleep(2)
    (processed,) = await events(client, trunk, 1)
    assert processed["type"] == "outbound_message_callbacks"


@pytest.mark.parametrize(
    ("destination", "told"),
    [
        ("15005550000", ["Success", "DELIVERED"]),
        ("15005550001", ["Failed"]),
        ("15005550002", ["Success", "FAILED"]),
        ("15005550003", ["Success", "EXPIRED"]),
        ("15005550004", ["Success", "REJECTED"]),
        ("15005550005", ["Success", "DELIVERED"]),
        ("15005550006", ["Success", "DELIVERED"]),
        ("15005550007", ["Success", "UNKNOWN"]),
        ("15005550009", ["Success", "DELIVERED"]),
        ("15005550010", ["Success", "DELIVERED"]),
        ("15005550011", ["Success", "DELIVERED"]),
        ("15005550012", ["Success", "DELIVERED"]),
    ],
)
async def test_numbers_with_fixed_outcomes(client: OperatorClient, destination: str, told: list[str]) -> None:
    """Refused, throttled, slow, silent, early, twice, contradicting: each message ends once (the time-out is 8 s)."""
    trunk = await client.make_trunk(receipts_enabled=True)
    assert await client.send_as(trunk.username, trunk.password, destination) == 201
    await events(client, trunk, len(told))
    await asyncio.sleep(1.5)
    assert [it["attributes"]["status"] for it in await events(client, trunk, len(told))] == told


async def test_ten_thousand_replays_and_strangers_change_nothing(client: OperatorClient) -> None:
    """A carrier's receipt posted again and again, with what strangers make up beside it: one event, and no more."""
    trunk, destination = await client.make_trunk(receipts_enabled=True), new_destination()
    assert await client.send_as(trunk.username, trunk.password, destination) == 201
    await events(client, trunk)
    (posted,) = await client.at_the_carrier(destination)
    url = json.loads(posted["body"])["receipt_url"]
    changed = url[:-3] + ("AAA" if url[-3:] != "AAA" else "BBB")
    other = url.replace("/carriers/Practice%20carrier/", "/carriers/Another/")
    assert other != url
    statuses: dict[str, set[int]] = {"replay": set(), "changed": set(), "other": set(), "bomb": set()}
    body = {"id": "c-1", "status": "UNDELIV"}
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=16)) as session:

        async def post(kind: str, address: str, data: bytes) -> None:
            async with session.post(address, data=data) as answer:
                statuses[kind].add(answer.status)

        wait = asyncio.Semaphore(64)

        async def replay() -> None:
            async with wait:
                await post("replay", url, json.dumps(body).encode())

        await asyncio.gather(*(replay() for _ in range(10_000)))
        for _ in range(20):
            await post("changed", changed, json.dumps(body).encode())
            await post("other", other, json.dumps(body).encode())
            await post("bomb", url, bomb)
        async with session.post(url, data=b"x" * 1_000_000) as answer:
            assert answer.status == 413
    assert statuses == {"replay": {200}, "changed": {403}, "other": {403}, "bomb": {400}}
    await asyncio.sleep(1.5)
    assert [it["attributes"]["status"] for it in await events(client, trunk)] == ["Success", "DELIVERED"]
