"""Which agents `smsout up` runs, and what each is given. A new agent is one more line in `ROSTER`."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from agents.local.launch import Launch
from pipeline.errors import ConfigurationError

SECRETS: Final = (
    "SMSOUT_PEPPER",
    "SMSOUT_KEY_FILE",
    "SMSOUT_CARRIER_KEY_FILE",
    "SMSOUT_CALLBACK_KEY_FILE",
    "SMSOUT_RECEIPT_KEY",
)
MAX_PROCESSES: Final = 64


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent. `metrics_port` and `port` are those of `--ports default`; process n listens n * 20 higher.

    `port_variable` is the setting of the port that others call; `shared_by` the one that lets several processes
    listen on it. `secrets` are the only ones of `SECRETS` that the process gets to see.
    """

    name: str
    metrics_port: int
    port_variable: str | None = None
    port: int = 0
    shared_by: str | None = None
    secrets: tuple[str, ...] = ()
    needs_broker: bool = True
    processes_at_most: int = MAX_PROCESSES


# In the order in which they stop: who feeds others goes first, so that what it has accepted is taken over.
# They start the other way round.
ROSTER: Final = (
    AgentSpec(
        "ingress", 9101, port_variable="SMSOUT_INGRESS_PORT", port=8080,
        shared_by="SMSOUT_INGRESS_REUSE_PORT", secrets=("SMSOUT_PEPPER", "SMSOUT_RECEIPT_KEY"),
    ),
    AgentSpec(
        "panel", 9106, port_variable="SMSOUT_PANEL_PORT", port=8081,
        secrets=("SMSOUT_PEPPER", "SMSOUT_KEY_FILE", "SMSOUT_CARRIER_KEY_FILE", "SMSOUT_CALLBACK_KEY_FILE"),
        processes_at_most=1,
    ),
    AgentSpec("processor", 9102),
    AgentSpec("scheduler", 9109),
    AgentSpec("delivery", 9103, secrets=("SMSOUT_CARRIER_KEY_FILE", "SMSOUT_RECEIPT_KEY")),
    AgentSpec("receipts", 9107, secrets=("SMSOUT_CARRIER_KEY_FILE",)),
    AgentSpec("callback", 9104, secrets=("SMSOUT_CALLBACK_KEY_FILE",)),
    AgentSpec(
        "message_log", 9108, port_variable="SMSOUT_MESSAGE_LOG_PORT", port=8082, secrets=("SMSOUT_PEPPER",),
        processes_at_most=1,
    ),
    AgentSpec(
        "simulator", 9105, port_variable="SMSOUT_SIMULATOR_PORT", port=8090, needs_broker=False, processes_at_most=1
    ),
)  # fmt: skip


class Process(NamedTuple):
    """One process of an agent: `ingress`, `ingress-1`, ..."""

    name: str
    launch: Launch
    base_url: str
    """Where its /metrics, /healthz and /readyz are."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all agents are given. `ports` maps a spec's `port_variable` to its port."""

    bootstrap_servers: str
    state_dir: str
    """For whoever has a broker: without it a killed agent waits for its own session to end (pipeline/slot.py)."""
    ports: Mapping[str, int]
    secrets: Mapping[str, str]
    metrics_port: Callable[[int], int]
    """Turns a port of `--ports default` into the one to use."""
    extra: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """More environment by agent."""


def processes_wanted(spec: AgentSpec) -> int:
    """Return how many processes of an agent are wanted: SMSOUT_UP_<AGENT>_PROCESSES, 1 by default."""
    variable = f"SMSOUT_UP_{spec.name.upper()}_PROCESSES"
    text = os.environ.get(variable, "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= spec.processes_at_most):
        raise ConfigurationError(f"{variable} must be a number from 1 to {spec.processes_at_most}, not {text!r}")
    return int(text)


def processes_of(spec: AgentSpec, around: Surroundings) -> list[Process]:
    """Return the processes of an agent, ready to be started."""
    count = processes_wanted(spec)
    found = []
    for number in range(count):
        port = around.metrics_port(spec.metrics_port + 20 * number)
        environment: dict[str, str | None] = dict.fromkeys(SECRETS)
        environment |= {name: around.secrets[name] for name in spec.secrets}
        environment |= {"SMSOUT_METRICS_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        if spec.needs_broker:
            environment["SMSOUT_KAFKA_BOOTSTRAP_SERVERS"] = around.bootstrap_servers
            environment["SMSOUT_STATE_DIR"] = around.state_dir
        else:
            environment |= {name: None for name in os.environ if name.startswith("SMSOUT_KAFKA_")}
        if spec.port_variable:
            environment[spec.port_variable] = str(around.ports[spec.port_variable])
        if spec.shared_by and count > 1:
            environment[spec.shared_by] = "true"
        environment |= around.extra.get(spec.name, {})
        found.append(
            Process(
                f"{spec.name}-{number}" if number else spec.name,
                # -P: a folder named `agents` where the command was given is none of ours.
                Launch((sys.executable, "-P", "-m", f"agents.{spec.name}"), environment),
                f"http://{reachable_host('SMSOUT_HOST')}:{port}",
            )
        )
    return found


def reachable_host(variable: str) -> str:
    """Return the host to call a server at that listens where `variable` says (127.0.0.1 when everywhere)."""
    host = os.environ.get(variable, "127.0.0.1")
    if host in ("0.0.0.0", "", "::"):  # noqa: S104  # compared with, not listened on
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
