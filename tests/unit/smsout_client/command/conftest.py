"""A console for each test."""

from pathlib import Path

import pytest

from tests.unit.smsout_client.command.console import Console


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """A console with a profile of its own."""
    return Console(tmp_path / "profiles.toml", monkeypatch)
