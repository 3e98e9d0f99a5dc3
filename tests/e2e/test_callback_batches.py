"""Batches through the whole system: chosen in the management API, posted, told apart by the client, in the log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from smsout_client import AsyncClient, Callback, Refused, read_callbacks

from tests.e2e.panel import OperatorClient, new_destination
from tests.inbox import told_by

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

IN_FORCE_SECONDS = 1.5  # a change of the directory is in force everywhere within a second
MANY = 30


@asynccontextmanager
async def batching(client: OperatorClient) -> AsyncIterator[None]:
    """Have the demo trunk, whose signing secret is known, called back in batches for a while."""

    async def choose(*, batch: bool | None) -> None:
        configuration = {
            "type": "http_out",
            "callback_url": client.trunk["callback_url"],
            "callbacks": {"batch": batch},
        }
        document = {"type": "sms_trunks", "id": client.trunk["id"], "attributes": {"configuration": configuration}}
        await client.api("PATCH", f"/v3/sms_trunks/{client.trunk['id']}", {"data": document})
        await asyncio.sleep(IN_FORCE_SECONDS)

    await choose(batch=True)
    try:
        yield
    finally:
        await choose(batch=None)


async def told(client: OperatorClient, count: int) -> list[list[Callback]]:
    """Wait until so many events are there; return what each POST told, as the client of customers reads it."""

    def enough(inbox: list[dict[str, Any]]) -> bool:
        return sum(len(told_by(it)) for it in inbox) >= count

    inbox = await client.wait_for("/inbox/demo", enough)
    secret = client.trunk["callback_secret"]
    found = [read_callbacks(it["body"].encode(), it["headers"], secret) for it in inbox]
    assert [[it.webhook_id for it in client.events(entry)] for entry in inbox] == [
        [it.webhook_id for it in callbacks] for callbacks in found
    ]
    return found


async def attempts(client: OperatorClient, messages: list[str]) -> list[list[tuple[int, str]]]:
    """Return what the log says of each message's callbacks: number and outcome of the attempts.

    Nothing of a message that the log has not come to yet.
    """
    trunk, found = client.trunk, []
    async with AsyncClient(
        client.ready["ingress_url"], username=trunk["username"], password=trunk["password"],
        log_url=client.ready["message_log_url"],
    ) as sms:  # fmt: skip
        for message in messages:
            try:
                events = await sms.events(message)
            except Refused:
                events = []
            callbacks = [it.raw["attributes"] for it in events if it.event == "callback"]
            found.append([(it["attempt"], it["outcome"]) for it in callbacks])
    return found


async def test_a_trunk_with_batches_is_told_of_many_messages_at_once(client: OperatorClient) -> None:
    """Each once; those of a POST that failed come again under their ids; the log has every attempt."""
    async with batching(client):
        await client.delete("/inbox/demo")
        sent = await asyncio.gather(*(client.send(new_destination(), "Hello") for _ in range(MANY)))
        posts = await told(client, MANY)
        assert len(posts) < MANY / 2
        assert sorted(it.message_id for post in posts for it in post) == sorted(sent)
        assert {it.status for post in posts for it in post} == {"Success"}

        await client.delete("/inbox/demo")
        await client.put("/faults/inbox/demo", {"status": 500, "remaining": 1})
        failing = [await client.send(new_destination(), "Hello") for _ in range(3)]
        again = [it for post in await told(client, len(failing)) for it in post]
        assert sorted(it.webhook_id for it in again) == sorted(f"{it}.processing" for it in failing)

        async with asyncio.timeout(30):
            tried = await attempts(client, failing)
            while not all(it[-1:] == [(len(it), "accepted")] for it in tried):
                await asyncio.sleep(0.2)
                tried = await attempts(client, failing)
        assert [(1, "failed"), (2, "accepted")] in tried
    await client.delete("/inbox/demo")
    single = await client.send(new_destination(), "Hello")
    (callback,) = await client.wait_for("/inbox/demo", lambda inbox: len(inbox) == 1)
    assert client.verified(callback)["data"]["id"] == single
