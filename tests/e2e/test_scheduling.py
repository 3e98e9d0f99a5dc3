"""Sending later and taking back, through the whole system: from a request or a record to carrier and callback."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer

from schemas.identifiers import uuid7
from schemas.messages.timing import written
from schemas.topics import SUBMITTED
from tests.builders import submission
from tests.e2e.panel import SOURCE, MadeTrunk, OperatorClient, new_destination

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

JSON_API = "application/vnd.api+json"


async def told(client: OperatorClient, trunk: MadeTrunk, count: int) -> dict[str, str]:
    """Return the final status of each message, when so many have been told."""
    found = await client.wait_for(trunk.inbox, lambda entries: len(entries) >= count)
    data = [json.loads(it["body"])["data"] for it in found]
    return {it["id"]: it["attributes"]["status"] for it in data}


async def call(client: OperatorClient, trunk: MadeTrunk, method: str, path: str, attributes: Any = None) -> Any:
    """Ask ingress as the trunk; return status and document."""
    kind = path.split("/")[1]
    body = None if attributes is None else {"data": {"type": kind, "attributes": attributes}}
    headers = {"Authorization": aiohttp.encode_basic_auth(trunk.username, trunk.password), "Content-Type": JSON_API}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, client.ready["ingress_url"] + path, json=body, headers=headers) as answer,
    ):
        return answer.status, await answer.json(content_type=None)


async def test_what_is_scheduled_is_sent_in_time_and_what_is_taken_back_is_not(client: OperatorClient) -> None:
    """A message and a bulk that are cancelled end so at once; a stranger's wish is nothing; the rest is sent."""
    trunk, other = await client.make_trunk(), await client.make_trunk()
    in_an_hour = written(datetime.now(UTC) + timedelta(hours=1))
    later = {"source": SOURCE, "content": "Later", "send_at": in_an_hour}
    status, one = await call(client, trunk, "POST", "/outbound_messages", {**later, "destination": new_destination()})
    assert status == 201
    numbers = [new_destination(), new_destination()]
    status, bulk = await call(client, trunk, "POST", "/bulk_outbound_messages", {**later, "destination": numbers})
    assert status == 201
    soon, to = uuid7(), new_destination()
    send_at = datetime.now(UTC) + timedelta(seconds=4)
    asked = submission(to, id=soon, trunk_id=trunk.id, source=SOURCE, send_at=send_at, validity_period=60)
    async with AIOKafkaProducer(bootstrap_servers=client.ready["bootstrap_servers"]) as producer:
        await producer.send_and_wait(SUBMITTED, asked.to_bytes(), key=trunk.id.encode())
    for path in (f"/outbound_messages/{soon}", f"/bulk_outbound_messages/{bulk['meta']['bulk_id']}"):
        assert (await call(client, other, "DELETE", path))[0] == 202
    canceled = {one["data"]["id"], *(it["id"] for it in bulk["data"])}
    for path in (f"/outbound_messages/{one['data']['id']}", f"/bulk_outbound_messages/{bulk['meta']['bulk_id']}"):
        status, document = await call(client, trunk, "DELETE", path)
        assert (status, document["data"]["id"]) == (202, path.rpartition("/")[2])
    found = await told(client, trunk, 4)
    assert found == {soon: "Success", **dict.fromkeys(canceled, "Canceled")}
    (posted,) = await client.at_the_carrier(to)
    late = datetime.fromisoformat(str(posted["at"])) - send_at if isinstance(posted["at"], str) else timedelta(0)
    assert timedelta(0) <= late < timedelta(seconds=5)
    # What was cancelled had been told so before this was posted.
    assert not {it["destination"] for it in await client.wait_for("/carrier/ledger", bool)} & set(numbers)
