"""An upgrade under load: one process after the other is told to stop and started anew, and nobody is turned away."""

import asyncio
import itertools
from collections import Counter
from typing import Final

import aiohttp
import pytest

from agents.local.ports import free_port
from schemas.directory.carrier import InDoubtPolicy
from tests.arena.arena import AGENTS, Arena, Sent
from tests.arena.life import Life
from tests.crash.oracle import Oracle

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SENDERS: Final = 4
PAUSE_SECONDS: Final = 0.05


class Load:
    """Sends over two doors in turns. One that does not listen is passed by, as a load balancer does; no other error is.

    Each request has a connection of its own, so whatever breaks off was being answered.
    """

    def __init__(self, arena: Arena, doors: list[str]) -> None:
        self._arena = arena
        self._doors = itertools.cycle(doors)
        self.sent: list[Sent] = []
        self.answers: Counter[int | str] = Counter()
        self.passed_by = 0
        self.running = True

    async def run(self) -> None:
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as http:
            await asyncio.gather(*(self._send(http) for _ in range(SENDERS)))

    async def _send(self, http: aiohttp.ClientSession) -> None:
        policy = InDoubtPolicy.GIVE_UP  # a POST that a stop leaves in doubt would end as failed
        while self.running:
            destination = self._arena.number(policy)
            headers, document = self._arena.request(destination, "Hello")
            try:
                async with http.post(
                    f"{next(self._doors)}/outbound_messages", data=document, headers=headers
                ) as answer:
                    self.answers[answer.status] += 1
                    if answer.status == 201:
                        message_id = (await answer.json(content_type=None))["data"]["id"]
                        self.sent.append(Sent(message_id, destination, 1, policy, self._arena.world.trunk))
            except aiohttp.ClientConnectorError:
                self.passed_by += 1
                continue
            except (aiohttp.ClientError, TimeoutError) as error:
                self.answers[repr(error)] += 1
            await asyncio.sleep(PAUSE_SECONDS)


async def test_every_agent_is_restarted_under_load_and_nobody_is_turned_away(arena: Arena) -> None:
    """Each stops with 0; two doors take turns; every answer is a 201, every message is sent and told of once."""
    port = free_port()
    second = Life(settings={"SMSOUT_INGRESS_PORT": str(port)})
    await arena.stand(ingress_1=second)
    load = Load(arena, [arena.ingress_url, f"http://127.0.0.1:{port}"])
    sending = asyncio.create_task(load.run())
    try:
        for name in ("ingress", "ingress_1", *AGENTS[1:]):
            accepted = len(load.sent)
            await arena.until("some messages", lambda before=accepted: len(load.sent) > before + 20)
            assert await arena.processes[name].stop() == 0
            await arena.restart(name).ready(arena.http)
    finally:
        load.running = False
        await sending
    assert load.answers == {201: len(load.sent)}
    assert load.passed_by, "no door was ever closed"
    oracle = await Oracle(arena, load.sent).judge(limit_seconds=90)
    assert set(oracle.posts.values()) == {1}
    assert [it for it in load.sent if oracle.end_of(it).code_id is not None] == []
    assert {len(oracle.callbacks[it.id]) for it in load.sent} == {1}
