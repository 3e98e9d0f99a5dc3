"""`smsout install`, and agents that run from what it has made, as docker-compose.yml gives it to them."""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.local.ports import free_port
from tests.brokers import RunningBroker, running_broker
from tests.integration.agent_process import agent_process
from tests.postgres import running_postgres

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


DATABASE = f"127.0.0.1:{free_port()}"


def here(text: str, folder: Path, servers: str) -> str:
    """Return what the compose file says with its volumes below `folder`, its defaults, and servers of ours."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text).replace("kafka:9092", servers)
    text = text.replace("postgres:5432", DATABASE)
    return re.sub(
        r"(?<![\w.])/(pepper|people|tls|grafana|keys|carrier-keys|callback-keys|receipt-key|database|state)(?=/|$)",
        f"{folder}/\\1",
        text,
    )


def environment_of(service: str, folder: Path, servers: str) -> dict[str, str]:
    return {name: here(str(value), folder, servers) for name, value in SERVICES[service].get("environment", {}).items()}


async def install(folder: Path, servers: str) -> tuple[int | None, str]:
    """Run the service `install` as a process; return its exit code and what it said."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SMSOUT_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", "from agents.commands.cli import main; main()",
        *[here(it, folder, servers) for it in SERVICES["install"]["command"]],
        env=ours | environment_of("install", folder, servers),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def volumes(folder: Path) -> dict[str, bytes]:
    return {it.relative_to(folder).as_posix(): it.read_bytes() for it in folder.rglob("*") if it.is_file()}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


async def test_everything_is_made_once_and_every_agent_runs_from_it(broker: RunningBroker, tmp_path: Path) -> None:
    """Passwords are shown at the first time only; a second run changes nothing."""
    servers = broker.bootstrap_servers
    for name in (
        "pepper",
        "people",
        "tls",
        "grafana",
        "keys",
        "carrier-keys",
        "callback-keys",
        "receipt-key",
        "database",
        "state",
    ):
        (tmp_path / name).mkdir()
    code, output = await install(tmp_path, servers)
    assert code == 0, output
    assert len(re.findall(r"password \S{12,}, shown only now", output)) == 2
    made = volumes(tmp_path)
    assert set(made) == {
        "pepper/pepper", "receipt-key/receipt-key", "carrier-keys/carrier-keys", "callback-keys/callback-keys",
        "people/panel.json", "tls/server.crt", "tls/server.key", "grafana/admin-password", "database/password",
        "database/url",
    }  # fmt: skip
    assert {(tmp_path / it).stat().st_mode & 0o077 for it in made if it != "tls/server.crt"} == {0}

    code, output = await install(tmp_path, servers)
    assert (code, volumes(tmp_path)) == (0, made), output
    assert "shown only now" not in output

    wanted = environment_of("postgres", tmp_path, servers)
    password = Path(wanted["POSTGRES_PASSWORD_FILE"]).read_text()
    with running_postgres(int(DATABASE.rpartition(":")[2]), owner=wanted["POSTGRES_USER"], password=password) as url:
        assert (tmp_path / "database" / "url").read_text() == url.replace("@", f":{password}@") + "\n"
        await run_from_it(tmp_path, servers)
    assert (tmp_path / "keys" / "password-keys").is_file()


async def run_from_it(tmp_path: Path, servers: str) -> None:
    """Start every agent, and see that it becomes ready."""
    for name in ("panel", "message_log", "callback", "receipts", "delivery", "scheduler", "processor", "ingress"):
        ports = {f"SMSOUT_{it}_PORT": str(free_port()) for it in ("PANEL", "INGRESS", "MESSAGE_LOG")}
        environment = environment_of(name, tmp_path, servers) | ports
        async with agent_process(name, tmp_path / f"{name}.log", environment) as agent:
            await agent.until_ready()
            assert await agent.stop() == 0, agent.log.read_text()
