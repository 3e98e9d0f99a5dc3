"""A console with one profile, and gateways that say what a test wants."""

import os
from functools import partial
from pathlib import Path

import pytest
from smsout_client import Client, Management
from smsout_client.command import profiles
from smsout_client.command.app import app
from smsout_client.retrying import Retrying
from typer.testing import CliRunner, Result

from tests.unit.smsout_client.gateway import URL, Gateway

PROFILES = f"""
[default]
url = "{URL}"
username = "user"
password = "secret"
api_url = "{URL}"
api_key = "key"
"""


class Console:
    """Types commands. `file` is where its profiles are."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = file
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("SMSOUT_PROFILES", str(file))
        self.write(PROFILES)

    def write(self, text: str, mode: int = 0o600) -> None:
        """Put this into the file of profiles."""
        self.file.write_text(text)
        os.chmod(self.file, mode)  # noqa: PTH101  # the mode is what is tested

    def asks(self, gateway: Gateway) -> None:
        """Have commands talk to this gateway; they try once."""
        once = Retrying(attempts=1)
        for name, kind in (("Client", Client), ("Management", Management)):
            self._monkeypatch.setattr(profiles, name, partial(kind, transport=gateway, retrying=once))

    def run(self, *arguments: str, typed: str | None = None) -> Result:
        """Run one command."""
        return CliRunner().invoke(app, arguments, typed)
