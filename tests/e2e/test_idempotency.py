"""One key, one SMS: two ingress processes, one that dies after the broker has it, and files that are deleted.

One system for all of it. The oracle is the carrier's ledger: what it was asked to send, and how often.
"""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas.topics import SUBMITTED, dead_letter_topic
from tests.e2e.customer import JSON_API, Customer
from tests.systems import running_system

pytestmark = pytest.mark.e2e

SINGLE, BULK = "outbound_messages", "bulk_outbound_messages"
LIMIT_SECONDS = 60.0


class Answer(NamedTuple):
    status: int
    replayed: str | None
    body: Any

    @property
    def ids(self) -> list[str]:
        data = self.body["data"]
        return [it["id"] for it in (data if isinstance(data, list) else [data])]


class Client(Customer):
    """A customer whose every request has a connection of its own, so that any ingress process may get it."""

    async def keyed(self, key: str, kind: str = SINGLE, **attributes: object) -> Answer:
        values = {"source": "12125551234", "content": "Hello", **attributes}
        headers = {"Content-Type": JSON_API, "Authorization": self._authorization, "Idempotency-Key": key}
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
            session.post(
                f"{self.ready['ingress_url']}/{kind}",
                data=json.dumps({"data": {"type": kind, "attributes": values}}),
                headers=headers,
            ) as answer,
        ):
            return Answer(
                answer.status, answer.headers.get("Idempotency-Replayed"), await answer.json(content_type=None)
            )

    async def until_answered(self, key: str, destination: str) -> tuple[int, Answer]:
        """Send until there is an answer; return how often there was none."""
        async with asyncio.timeout(LIMIT_SECONDS):
            for lost in range(1000):
                try:
                    return lost, await self.keyed(key, destination=destination)
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.1)
        raise AssertionError("never answered")

    async def sent(self, *destinations: str) -> Counter[str]:
        """Return how often each was sent to, when everything of the trunk that was accepted until now is."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                try:
                    marker = await self.send("12125559999", "the last one")
                    break
                except (aiohttp.ClientError, OSError):  # the process that has not died yet does so now
                    await asyncio.sleep(0.1)
        await self.wait_for("/inbox/demo", lambda inbox: any(marker in it["body"] for it in inbox), LIMIT_SECONDS)
        await self.wait_for(
            "/carrier/ledger", lambda ledger: {it["destination"] for it in ledger} >= set(destinations), LIMIT_SECONDS
        )
        return Counter(it["destination"] for it in await self.ledger() if it["destination"] in destinations)

    def pids(self) -> Mapping[str, int]:
        try:
            pids: dict[str, int] = json.loads(Path(self.ready["ready_file"]).read_text())["pids"]
        except FileNotFoundError:
            return {}
        return pids


async def test_one_key_is_one_sms(tmp_path: Path) -> None:
    """However often, at whichever process and after whatever crash a request comes again."""
    environment = {"SMSOUT_UP_INGRESS_PROCESSES": "2", "SMSOUT_FAILPOINT": "ingress.after_acknowledge:1"}
    with running_system(tmp_path, environment=environment) as ready:
        async with Client(ready) as client:
            before = await answers_that_died_with_their_process(client)
            await same_request_at_both_processes(client)
            await many_destinations(client)
            await another_request_under_the_key(client)
            await killed_process(client)
            await direct_producer(client)
            await lost_state_of_the_processor(client, tmp_path / "data" / "state")
    for file in (tmp_path / "data" / "state").iterdir():
        file.unlink()
    with running_system(tmp_path, environment={"SMSOUT_UP_INGRESS_PROCESSES": "2"}) as ready:
        async with Client(ready) as client:
            assert await client.keyed("lost answer", destination="12125550001") == before._replace(replayed="true")
            assert await client.sent("12125550001") == {"12125550001": 1}


async def answers_that_died_with_their_process(client: Client) -> Answer:
    """Each of the two processes dies between the acknowledgement and its first answer; the client sends again."""
    lost, answer = await client.until_answered("lost answer", destination="12125550001")
    assert lost >= 1
    assert (answer.status, answer.replayed) == (201, "true")
    assert await client.sent("12125550001") == {"12125550001": 1}
    return answer


async def same_request_at_both_processes(client: Client) -> None:
    """At the same moment: one answer is the first one's, and all have the same body."""
    answers = await asyncio.gather(*(client.keyed("at once", destination="12125550002") for _ in range(40)))
    assert Counter(it.replayed for it in answers) == {None: 1, "true": 39}
    assert {it.status for it in answers} == {201}
    assert len({json.dumps(it.body) for it in answers}) == 1
    assert await client.sent("12125550002") == {"12125550002": 1}


async def many_destinations(client: Client) -> None:
    """The same for a bulk request."""
    numbers = ["12125550003", "12125550004"]
    answers = [await client.keyed("bulk", BULK, destination=numbers) for _ in range(6)]
    assert [it.replayed for it in answers] == [None, *["true"] * 5]
    assert {tuple(it.ids) for it in answers} == {tuple(answers[0].ids)}
    assert await client.sent(*numbers) == dict.fromkeys(numbers, 1)


async def another_request_under_the_key(client: Client) -> None:
    """Other text, other number, other endpoint: 409, at every process, and nothing is sent."""
    changed = [
        await client.keyed("at once", destination="12125550002", content="Other"),
        await client.keyed("at once", destination="12125550005"),
        await client.keyed("at once", BULK, destination=["12125550002"]),
    ]
    assert [it.status for it in changed] == [409] * 3
    assert await client.sent("12125550002", "12125550001") == {"12125550001": 1, "12125550002": 1}
    assert "12125550005" not in {it["destination"] for it in await client.ledger()}


async def killed_process(client: Client) -> None:
    """kill -9 of one ingress between the request and its repetitions."""
    _, first = await client.until_answered("killed", destination="12125550006")
    os.kill(client.pids()["ingress"], signal.SIGKILL)
    for _ in range(6):
        _, again = await client.until_answered("killed", destination="12125550006")
        assert again == first._replace(replayed="true")
    assert await client.sent("12125550006") == {"12125550006": 1}


async def direct_producer(client: Client) -> None:
    """Nobody answers a direct producer: a repetition is passed over, a conflict becomes a dead letter."""

    def submission(**changes: object) -> dict[str, object]:
        values = {"trunk_id": client.trunk["id"], "source": "12125551234", "content": "Hello"}
        return {**values, "destinations": [{"address": "12125550007"}], "idempotency_key": "direct", **changes}

    conflict = submission(content="Other")
    servers = client.ready["bootstrap_servers"]
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    for value in (submission(), submission(), [submission(), conflict], conflict):
        await producer.send_and_wait(SUBMITTED, json.dumps(value).encode(), key=client.trunk["id"].encode())
    await producer.stop()

    assert await client.sent("12125550007") == {"12125550007": 1}
    consumer = AIOKafkaConsumer(
        dead_letter_topic(SUBMITTED), bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    async with asyncio.timeout(LIMIT_SECONDS):
        letters = [await consumer.getone() for _ in range(2)]
    await consumer.stop()
    assert [json.loads(it.value) for it in letters] == [conflict, conflict]
    headers = [dict(it.headers) for it in letters]
    assert [(it["dead-letter-reason"], it.get("dead-letter-element")) for it in headers] == [
        (b"idempotency-conflict", b"1"),
        (b"idempotency-conflict", None),
    ]


async def lost_state_of_the_processor(client: Client, state: Path) -> None:
    """The processor dies and its file is gone while a repetition waits for it: it is still known as one."""
    kept = state / "idempotency-processor-0.sqlite"
    assert kept.exists()
    pid = client.pids()["processor"]
    os.kill(pid, signal.SIGSTOP)
    submission = {
        "trunk_id": client.trunk["id"], "source": "12125551234", "content": "Hello",
        "destinations": [{"address": "12125550007"}], "idempotency_key": "direct",
    }  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=client.ready["bootstrap_servers"])
    await producer.start()
    await producer.send_and_wait(SUBMITTED, json.dumps(submission).encode(), key=client.trunk["id"].encode())
    await producer.stop()
    for file in state.glob("idempotency-processor-*"):
        file.unlink()
    os.kill(pid, signal.SIGKILL)
    assert await client.sent("12125550007") == {"12125550007": 1}
