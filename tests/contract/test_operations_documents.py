"""docs/operations.md and docker-compose.yml against the code that they speak about."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.local.broker.jar_lock import kafka_version
from agents.local.up.roster import ROSTER
from pipeline import settings
from tests.contract.every_setting import every_setting

REPOSITORY = Path(__file__).resolve().parents[2]
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (REPOSITORY / "deploy" / "docker" / "Dockerfile").read_text()
AGENTS = [spec.name for spec in ROSTER]


def test_documented_ports_are_the_default_ones() -> None:
    """The table of ports says what the roster has."""
    for spec in ROSTER:
        if spec.port:
            assert f"| {spec.name} | {spec.port} |" in OPERATIONS
    by_port = sorted(ROSTER, key=lambda spec: spec.metrics_port)
    names, ports = [spec.name for spec in by_port], [spec.metrics_port for spec in by_port]
    assert ports == list(range(ports[0], ports[-1] + 1))
    assert f"| metrics and health of {', '.join(names)} | {ports[0]} to {ports[-1]} " in OPERATIONS


def test_one_version_of_kafka_everywhere() -> None:
    """The image, the jars and the documents name the same one."""
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka_version()}"
    assert set(re.findall(r"kafka-(\d+\.\d+\.\d+)", OPERATIONS)) == {kafka_version()}


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_is_a_service(name: str) -> None:
    """Its command is its name, it drains before it is killed, and it may write nothing but /tmp."""
    service = SERVICES[name]
    assert service["command"] == [name]
    assert service["build"]["dockerfile"] == "deploy/docker/Dockerfile"
    assert (
        int(service["stop_grace_period"].removesuffix("s"))
        > settings.AgentSettings.model_fields["drain_timeout_seconds"].default
    )
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_agents_wait_for_what_is_installed_and_that_for_the_broker() -> None:
    """Only the simulator needs neither."""
    installed = {"install": {"condition": "service_completed_successfully"}}
    for name in AGENTS:
        wanted = {} if name == "simulator" else installed
        if name == "message_log":
            wanted = installed | {"postgres": {"condition": "service_healthy"}}
        assert SERVICES[name]["depends_on"] == wanted
    assert SERVICES["install"]["command"][0] == "install"
    assert SERVICES["install"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_secrets_reach_only_those_who_need_them() -> None:
    """The pepper: ingress, message log, the directory's writers. The password keys: the writers. None has a default."""

    def services_with(volume: str) -> list[str]:
        return [name for name, it in SERVICES.items() if any(v.split(":")[0] == volume for v in it.get("volumes", ()))]

    assert services_with("pepper") == ["install", "ingress", "panel", "message_log", "tools"]
    assert services_with("receipt-key") == ["install", "ingress", "delivery"]
    assert services_with("password-keys") == ["panel", "tools"]
    assert services_with("carrier-keys") == ["install", "panel", "delivery", "receipts", "tools"]
    assert services_with("callback-keys") == ["install", "panel", "callback", "tools"]
    assert services_with("tls") == ["install", "panel", "nginx"]
    assert services_with("people") == ["install"]
    assert services_with("database") == ["install", "panel", "postgres", "message_log", "tools"]
    named = {name for it in SERVICES.values() for name in it.get("environment", {})}
    assert named & {"SMSOUT_PEPPER", "SMSOUT_RECEIPT_KEY", "POSTGRES_PASSWORD"} == set()
    assert {it["environment"].get("SMSOUT_DATABASE_URL", "") for it in SERVICES.values() if "environment" in it} == {
        "",
        "${SMSOUT_DATABASE_URL:-}",
    }


def test_any_agent_that_may_can_be_scaled() -> None:
    """No port of this machine, no name of its own; slots are leased in a folder that its processes share."""
    for name in ("ingress", "processor", "scheduler", "delivery", "receipts", "callback"):
        assert "ports" not in SERVICES[name]
        assert "container_name" not in SERVICES[name]
        assert SERVICES[name]["environment"]["SMSOUT_STATE_DIR"] == "/state"
        assert "state:/state" in SERVICES[name]["volumes"]


def test_three_brokers_differ_only_in_what_three_need() -> None:
    """The override adds brokers of the same image and settings, and replication."""
    override = yaml.safe_load((REPOSITORY / "deploy" / "compose" / "three-brokers.yml").read_text())["services"]
    one = SERVICES["kafka"]["environment"] | override["kafka"]["environment"]
    for name in ("kafka-2", "kafka-3"):
        more = override[name]
        assert (more["image"], more["healthcheck"]) == (SERVICES["kafka"]["image"], SERVICES["kafka"]["healthcheck"])
        own = {"KAFKA_NODE_ID", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_LISTENERS", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"}
        assert {k: v for k, v in more["environment"].items() if k not in own}.items() <= one.items()
    agents = [name for name in AGENTS if name != "simulator"]
    assert set(override) == {"kafka", "kafka-2", "kafka-3", "install", "tools", *agents}


def test_settings_in_the_containers_exist() -> None:
    """No service, and not the image, sets a variable that nothing reads."""
    used = {
        name
        for service in SERVICES.values()
        for name in service.get("environment", {})
        if name.startswith(("SMSOUT_", "OTEL_"))
    } | set(re.findall(r"\b(SMSOUT_[A-Z_]+)=", DOCKERFILE))
    assert used - set(every_setting()) == set()


def test_the_image_is_locked_and_runs_as_nobody_special() -> None:
    """Dependencies come with hashes, the last USER is not root, everything that is copied is there and not ignored."""
    assert "--require-hashes" in DOCKERFILE
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["10001"]
    copied = [
        name for line in re.findall(r"^COPY (?!--from)(.+) \./?\S*$", DOCKERFILE, re.MULTILINE) for name in line.split()
    ]
    assert sorted(copied) == sorted(
        [
            "requirements.lock",
            "requirements-tracing.lock",
            "pyproject.toml",
            "README.md",
            "LICENSE",
            "schemas",
            "pipeline",
            "agents",
            "clients/python/smsout_client",
            "deploy/carriers",
        ]
    )
    ignore = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert [name for name in copied if not (REPOSITORY / name).exists() or f"!{name}" not in ignore] == []
