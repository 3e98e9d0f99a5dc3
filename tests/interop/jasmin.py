"""Jasmin between a carrier's client and an SMSC of ours, with the RabbitMQ and the Redis that it needs."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from agents.local.ports import free_port
from tests.interop.processes import process, until_it_listens
from tests.interop.smsc import Smsc, running_smsc

USERNAME: Final = "tester"
PASSWORD: Final = "p&w=d"
PATIENCE_SECONDS: Final = 30.0

REDIS: Final = "/usr/bin/redis-server"
RABBITMQ: Final = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the one of /usr/sbin changes to a user of its own
EPMD: Final = "/usr/bin/epmd"

DAEMON: Final = """
import sys
from twisted.internet import reactor
from jasmin.bin.jasmind import JasminDaemon, Options
options = Options()
options.parseOptions(sys.argv[1:])
daemon = JasminDaemon(options)
daemon.start()
reactor.run()
"""
"""Its own program allows one Jasmin for each machine, and a killed one leaves its lock behind."""

CONFIGURATION: Final = """
[http-api]
bind = 127.0.0.1
port = {http}
long_content_max_parts = 10
[jcli]
port = {jcli}
authentication = no
[router]
bind = 127.0.0.1
port = {router}
[client-management]
bind = 127.0.0.1
port = {clients}
[smpp-server]
bind = 127.0.0.1
port = {smpp}
[smpp-server-pb]
bind = 127.0.0.1
port = {smpp_pb}
[amqp-broker]
port = {amqp}
spec = {spec}
connection_failure_retry_delay = 1
[redis-client]
port = {redis}
[dlr]
dlr_lookup_retry_delay = 1
"""

COMMANDS: Final = (
    "group -a", "gid g", "ok",
    "user -a", "uid u", "gid g", f"username {USERNAME}", f"password {PASSWORD}", "ok",
    "smppccm -a", "cid one", "host 127.0.0.1", "port {smsc}", "username u", "password p", "submit_throughput 0", "ok",
    "smppccm -1 one",
    "mtrouter -a", "type defaultroute", "connector smppc(one)", "rate 0.0", "ok",
)  # fmt: skip


def programs_or_fail() -> None:
    """Fail with what to install."""
    if any(shutil.which(it) is None for it in (REDIS, RABBITMQ, EPMD)):
        pytest.fail(
            "Jasmin needs what is missing: apt-get install --no-install-recommends rabbitmq-server redis-server"
        )


class RunningJasmin(NamedTuple):
    """Jasmin's HTTP API, and the SMSC behind it."""

    url: str
    smsc: Smsc


@asynccontextmanager
async def running_jasmin(python: Path, folder: Path) -> AsyncIterator[RunningJasmin]:
    """Run Jasmin with an SMSC behind it; its files are in `folder`. `python` is an interpreter that has it."""
    names = ("http", "jcli", "router", "clients", "smpp", "smpp_pb", "amqp", "redis", "epmd", "erlang")
    ports: Mapping[str, int] = {name: free_port() for name in names}
    (spec,) = python.parents[1].glob("lib/python*/site-packages/txamqp/specs/standard/amqp0-9-1.stripped.xml")
    configuration = folder / "jasmin.cfg"
    configuration.write_text(CONFIGURATION.format(spec=spec, **ports))
    async with AsyncExitStack() as stack:
        smsc = await stack.enter_async_context(running_smsc())
        await stack.enter_async_context(_redis(folder, ports["redis"]))
        await stack.enter_async_context(_rabbitmq(folder, ports["epmd"], ports["erlang"], ports["amqp"]))
        log, own = folder / "jasmin.log", {"LOG_PATH": str(folder), "CONFIG_PATH": str(folder)}
        arguments = (str(python), "-c", DAEMON, "-c", str(configuration), "--enable-dlr-thrower", "--enable-dlr-lookup")
        await stack.enter_async_context(process(*arguments, log=log, environment=os.environ | own))
        for port in ("http", "jcli"):
            await until_it_listens(ports[port], log)
        await _configure(ports["jcli"], [it.format(smsc=smsc.port) for it in COMMANDS])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not smsc.is_bound:
                await asyncio.sleep(0.05)
        yield RunningJasmin(f"http://127.0.0.1:{ports['http']}", smsc)


@asynccontextmanager
async def _redis(folder: Path, port: int) -> AsyncIterator[None]:
    log = folder / "redis.log"
    async with process(
        REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), log=log
    ):  # fmt: skip
        await until_it_listens(port, log)
        yield


@asynccontextmanager
async def _rabbitmq(folder: Path, epmd: int, erlang: int, port: int) -> AsyncIterator[None]:
    log, epmd_log, home = folder / "rabbitmq.log", folder / "epmd.log", folder / "rabbitmq"
    home.mkdir()
    (home / "plugins").write_text("[].\n")
    environment = os.environ | {
        "HOME": str(home),
        "ERL_EPMD_PORT": str(epmd),
        "RABBITMQ_NODENAME": f"smsout{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(erlang),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(home / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
    }
    # Else Erlang starts one that stays.
    async with process(EPMD, "-port", str(epmd), "-address", "127.0.0.1", log=epmd_log):
        await until_it_listens(epmd, epmd_log)
        async with process(RABBITMQ, log=log, environment=environment):
            await until_it_listens(port, log)
            yield


async def _configure(port: int, commands: Sequence[str]) -> None:
    """Type commands at Jasmin's console."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        for command in ("", *commands):  # it waits for a first line before it says so
            writer.write(command.encode() + b"\r\n")
            said = await _prompt(reader)
            if command == "ok" or " -1 " in command:
                assert "Successfully" in said, (command, said)


async def _prompt(reader: asyncio.StreamReader) -> str:
    """Return what the console says until it waits for a command."""
    said = b""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not said.endswith((b"jcli : ", b"> ")):
                said += await reader.read(4096)
    except TimeoutError:
        raise AssertionError(repr(said)) from None
    return said.decode(errors="replace")
