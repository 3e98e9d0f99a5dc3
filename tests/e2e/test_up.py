"""`smsout up` as an operator meets it: stops in order, starts again with the same data, leaves nothing behind."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agents.local.ports import free_port
from agents.local.up.roster import ROSTER
from tests.brokers import running_broker
from tests.e2e.customer import PATIENCE_SECONDS, Customer
from tests.systems import is_alive, running_system

pytestmark = pytest.mark.e2e


AGENTS = [spec.name for spec in ROSTER]  # in the order in which they stop
COMMAND = [sys.executable, "-P", "-c", "from agents.commands.cli import main; main()"]


def having(ready: dict[str, Any], setting: str) -> set[str]:
    """Return which processes have a setting in their environment."""
    environments = {name: Path(f"/proc/{pid}/environ").read_bytes() for name, pid in ready["pids"].items()}
    return {name for name, environment in environments.items() if f"\0{setting}=".encode() in b"\0" + environment}


def second_up(data_dir: Path) -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND, "up", f"--data-dir={data_dir}", "--ports=auto"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextmanager
def killed_at_the_end(log_file: Path, *arguments: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A command of ours, in the background, ended by SIGKILL."""
    with log_file.open("wb") as log:
        process = subprocess.Popen([*COMMAND, *arguments], stdout=log, stderr=log, env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def until_there(path: Path, process: "subprocess.Popen[bytes]", log_file: Path) -> None:
    async with asyncio.timeout(150):
        while not path.exists():
            assert process.poll() is None, log_file.read_text()
            await asyncio.sleep(0.1)


async def first_callback(ready: dict[str, Any], destination: str) -> str:
    """Send a message and wait for its callback; return its id."""
    async with Customer(ready) as customer:
        await customer.delete("/inbox/demo")
        message_id = await customer.send(destination, "Hello World!")
        (callback,) = await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 1)
        assert customer.verified(callback)["data"]["id"] == message_id
        return message_id


async def test_a_second_start_goes_on_with_the_same_trunk(tmp_path: Path) -> None:
    """Other ports, the same credentials: messages flow again, the ledger has both, nothing was left over."""
    with running_system(tmp_path) as first:
        assert set(first["pids"]) == {*AGENTS, "broker"}
        before = await first_callback(first, "15551234567")
        assert having(first, "SMSOUT_PEPPER") == {"ingress", "panel", "message_log"}
        assert having(first, "SMSOUT_KEY_FILE") == {"panel"}
        refused = second_up(tmp_path / "data")
        assert (refused.returncode, refused.stderr.count("\n")) == (78, 1)
        assert "another `smsout up`" in refused.stderr
    assert not Path(first["ready_file"]).exists()
    assert {name: pid for name, pid in first["pids"].items() if is_alive(pid)} == {}
    stopped = [
        line.split(maxsplit=1)[0]
        for line in Path(first["log_file"]).read_text().splitlines()
        if '"event": "stopped"' in line
    ]
    assert stopped == AGENTS

    pepper = tmp_path / "data" / "secrets" / "pepper"
    kept = pepper.read_text()
    pepper.unlink()
    lost = second_up(tmp_path / "data")
    assert (lost.returncode, pepper.exists()) == (78, False)
    assert f"the pepper file {pepper} is missing" in lost.stderr
    pepper.write_text(kept)

    with running_system(tmp_path) as second:
        same = {"id", "username", "password", "callback_secret", "sources"}
        assert {key: second["trunk"][key] for key in same} == {key: first["trunk"][key] for key in same}
        assert second["trunk"]["callback_url"] == f"{second['simulator_url']}/inbox/demo"
        after = await first_callback(second, "15551234568")
        async with Customer(second) as customer:
            assert [entry["message_id"] for entry in await customer.ledger()] == [before, after]


async def test_killing_the_supervisor_ends_everything(tmp_path: Path) -> None:
    """After SIGKILL of `smsout up` no child lingers, and the next start works on the same data."""
    ready_file, log_file = tmp_path / "ready.json", tmp_path / "log"
    options = [f"--ready-file={ready_file}", f"--data-dir={tmp_path / 'data'}", "--ports=auto"]
    with killed_at_the_end(log_file, "up", *options) as process:
        await until_there(ready_file, process, log_file)
        pids = json.loads(ready_file.read_text())["pids"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(is_alive(pid) for pid in pids.values()):
        assert time.monotonic() < deadline, {name: pid for name, pid in pids.items() if is_alive(pid)}
        await asyncio.sleep(0.05)
    with running_system(tmp_path) as ready:
        await first_callback(ready, "15551234567")


async def test_a_broker_that_is_there_already_and_two_processes_of_an_agent(tmp_path: Path) -> None:
    """With SMSOUT_KAFKA_BOOTSTRAP_SERVERS no broker is started; two ingress processes share one port."""
    with running_broker(tmp_path) as broker:
        environment = {
            "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "SMSOUT_UP_INGRESS_PROCESSES": "2",
        }
        with running_system(tmp_path, environment=environment) as ready:
            assert (ready["broker"], ready["bootstrap_servers"]) == ("external", broker.bootstrap_servers)
            assert set(ready["pids"]) == {*AGENTS, "ingress-1"}
            async with Customer(ready) as customer:
                await asyncio.gather(*(customer.send(f"1555123{n:04d}", "Hello") for n in range(100)))
                await customer.wait_for("/inbox/demo/count", lambda count: count["count"] == 100)
            accepted = [await accepted_by(ready["metrics"][name]) for name in ("ingress", "ingress-1")]
            # The kernel deals out connections by hash: with 64 of them, one process gets none once in 10^19 runs.
            assert sum(accepted) == 100
            assert min(accepted) > 0


async def accepted_by(metrics_url: str) -> int:
    """Return how many messages an ingress process has accepted, from its /metrics."""
    async with aiohttp.ClientSession() as session, session.get(metrics_url) as answer:
        lines = (await answer.text()).splitlines()
    (line,) = [line for line in lines if line.startswith("smsout_ingress_messages_accepted_total ")]
    return int(float(line.split()[1]))


async def test_other_endpoints_in_the_simulators_place(tmp_path: Path) -> None:
    """--carrier-url and --callback-url are where segments and callbacks go, also on loopback."""
    port, log_file = free_port(), tmp_path / "simulator.log"
    there = f"http://127.0.0.1:{port}"
    carrier_url, callback_url = f"{there}/carrier/segments", f"http://localhost:{port}/inbox/other"
    with (
        killed_at_the_end(log_file, "simulator", SMSOUT_SIMULATOR_PORT=str(port)),
        running_system(tmp_path, carrier_url=carrier_url, callback_url=callback_url) as here,
    ):
        assert here["trunk"]["callback_url"] == callback_url
        async with Customer(here) as customer, Customer({**here, "simulator_url": there}) as other:
            message_id = await customer.send("15551234567", "Hello World!")
            (callback,) = await other.wait_for("/inbox/other", lambda inbox: len(inbox) == 1)
            assert customer.verified(callback)["data"]["id"] == message_id
            assert [entry["message_id"] for entry in await other.ledger()] == [message_id]
            assert await customer.ledger() == []
