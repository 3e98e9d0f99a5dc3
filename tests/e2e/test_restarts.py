"""Agents of `smsout up` that are killed or stand still: they are started again, and messages flow."""

import asyncio
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.customer import Customer
from tests.systems import is_alive

pytestmark = pytest.mark.e2e


def now(system: dict[str, Any]) -> dict[str, Any]:
    """Return what the ready file says."""
    said: dict[str, Any] = json.loads(Path(system["ready_file"]).read_text())
    return said


@pytest.mark.skipif(sys.platform != "linux", reason="what stands still can be told on Linux only")
async def test_a_frozen_agent_is_killed_and_started_again(demo_system: dict[str, Any]) -> None:
    """SIGSTOP of two agents that were ready: log and ready file say so, and messages flow again."""
    async with asyncio.timeout(60):  # the message log may have much to write that others have sent
        while {it["state"] for it in now(demo_system)["states"].values()} != {"ready"}:
            await asyncio.sleep(0.1)
    before, logged = now(demo_system), Path(demo_system["log_file"]).stat().st_size
    restarts = {name: it["restarts"] for name, it in before["states"].items()}
    stopped = {name: before["pids"][name] for name in ("delivery", "ingress")}
    for pid in stopped.values():
        os.kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(90):
        while True:
            states = now(demo_system)["states"]
            if all(states[it]["restarts"] > restarts[it] and states[it]["state"] == "ready" for it in stopped):
                break
            await asyncio.sleep(0.1)
    for name, pid in stopped.items():
        assert not is_alive(pid)
        assert now(demo_system)["pids"][name] != pid
        assert states[name]["last_end"].startswith("killed by SIGKILL, because it stood still for")
    log = Path(demo_system["log_file"]).read_bytes()[logged:].decode()
    assert sum("stood still for" in line and "and is killed" in line for line in log.splitlines()) == len(stopped)
    assert {name for name, it in states.items() if it["restarts"] > restarts[name]} == set(stopped)
    async with Customer(demo_system) as customer:
        await customer.delete("/inbox/demo")
        message_id = await customer.send("15551234567", "Hello World!")
        await customer.wait_for("/inbox/demo", partial(mentions, message_id))


def mentions(message_id: str, inbox: list[dict[str, Any]]) -> bool:
    return any(message_id in callback["body"] for callback in inbox)


async def test_a_killed_agent_comes_back_and_its_pid_with_it(demo_system: dict[str, Any]) -> None:
    """After SIGKILL of each agent the supervisor starts it again, rewrites the ready file, and messages flow."""
    async with Customer(demo_system) as customer:
        for agent in ("ingress", "processor", "delivery", "callback"):
            await customer.delete("/inbox/demo")
            old = now(demo_system)["pids"][agent]
            os.kill(old, signal.SIGKILL)
            async with asyncio.timeout(20):
                while now(demo_system)["pids"][agent] == old:
                    await asyncio.sleep(0.05)
            async with asyncio.timeout(20):
                while True:
                    try:
                        message_id = await customer.send("15551234567", f"after {agent}")
                        break
                    except OSError:
                        await asyncio.sleep(0.05)
            await customer.wait_for("/inbox/demo", partial(mentions, message_id))
