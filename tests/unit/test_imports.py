"""What a process loads: each start pays for it, and nobody sees when a library comes in through a side door."""

import subprocess
import sys

import pytest

from agents.commands.cli import COMMANDS
from agents.commands.deferred import Deferred
from agents.local.up.roster import ROSTER

HEAVY = {
    "aiohttp", "aiokafka", "alembic", "argon2", "babel", "cryptography", "cryptography.x509", "faust", "httpx",
    "jinja2", "phonenumbers", "pydantic", "sqlalchemy", "structlog", "typer", "yaml",
}  # fmt: skip
"""What takes 10 ms of CPU and more."""

EVERY_AGENT = {"aiohttp", "pydantic", "structlog"}
OF_AGENTS = {
    "ingress": {"aiokafka", "cryptography", "phonenumbers", "yaml"},
    "processor": {"aiokafka", "faust", "phonenumbers", "yaml"},
    "scheduler": {"aiokafka", "phonenumbers", "yaml"},
    "delivery": {"aiokafka", "cryptography", "yaml"},
    "receipts": {"aiokafka", "cryptography", "yaml"},
    "callback": {"aiokafka", "cryptography"},
    "message_log": {"aiokafka", "cryptography", "sqlalchemy"},
    "panel": {"aiokafka", "argon2", "babel", "cryptography", "jinja2", "phonenumbers", "sqlalchemy", "yaml"},
    "simulator": set(),
}
"""Beside what every agent loads."""

KAFKA_COMMAND = {"aiokafka", "pydantic", "structlog", "typer"}
DIRECTORY_FILE = {"cryptography", "phonenumbers", "yaml"}
OF_COMMANDS = {
    "topics": KAFKA_COMMAND,
    "callbacks": KAFKA_COMMAND | {"httpx"},
    "dead-letters": KAFKA_COMMAND | {"httpx"},
    "users": KAFKA_COMMAND | DIRECTORY_FILE | {"argon2"},
    "up": KAFKA_COMMAND | DIRECTORY_FILE | {"aiohttp", "argon2"},
}


def loaded_by(statement: str) -> set[str]:
    """Return which of the heavy libraries are there after a statement."""
    program = f"import sys; {statement}; print(*sys.modules)"
    child = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    return HEAVY & set(child.stdout.split())


@pytest.mark.parametrize("agent", [spec.name for spec in ROSTER])
def test_an_agent_loads_what_it_uses(agent: str) -> None:
    """A certificate's parser is loaded with the first certificate, so none of them has it yet."""
    assert loaded_by(f"import agents.{agent}.__main__") == EVERY_AGENT | OF_AGENTS[agent]


@pytest.mark.parametrize("command", OF_COMMANDS)
def test_a_command_loads_what_it_uses(command: str) -> None:
    """Not what the other commands use, and not the message log where nobody asks for a message."""
    [where] = [it.where for it in COMMANDS if isinstance(it, Deferred) and it.name == command]
    assert loaded_by(f"import typer, {where.partition(':')[0]}") == OF_COMMANDS[command]


def test_the_list_of_commands_loads_none_of_them() -> None:
    """`smsout --help` is a table of words."""
    assert loaded_by("from agents.commands import cli") == {"typer"}
