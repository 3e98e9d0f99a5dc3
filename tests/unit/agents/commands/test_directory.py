"""`smsout directory` without a broker: what a bad file or setting is told, and who may read what is written."""

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.commands import directory as directory_commands
from agents.commands.directory import app
from pipeline.errors import BrokerUnreachable, ConfigurationError
from pipeline.kafka.directory import apply
from pipeline.settings import KafkaSettings


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMSOUT_PEPPER", "pepper of at least 32 characters")
    monkeypatch.setenv("SMSOUT_KEY_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("SMSOUT_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("SMSOUT_KAFKA_CONNECT_TIMEOUT_SECONDS", "0.1")
    return tmp_path


def test_a_bad_file_is_told_line_by_line(environment: Path) -> None:
    """Each problem on a line of its own, as compilers do; nobody is asked for a broker."""
    file = environment / "bad.yaml"
    file.write_text("accounts:\n  - naem: x\n")
    result = CliRunner().invoke(app, ["apply", str(file)])
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"{file}: line 2 (accounts[0].name): Field required",
        f"{file}: line 2 (accounts[0].naem): Extra inputs are not permitted",
        f"smsout: {file} breaks 2 rules; nothing was changed",
    ]


def test_a_sound_file_needs_a_broker(environment: Path) -> None:
    """The error names the address and the setting."""
    file = environment / "directory.yaml"
    file.write_text("accounts: []\n")
    result = CliRunner().invoke(app, ["apply", str(file)])
    assert isinstance(result.exception, BrokerUnreachable)
    assert "127.0.0.1:1 (SMSOUT_KAFKA_BOOTSTRAP_SERVERS)" in str(result.exception)


def test_a_file_of_any_size_is_not_read(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a limit, and the message says which."""
    monkeypatch.setattr(apply, "MAX_FILE_BYTES", 10)
    file = environment / "large.yaml"
    file.write_text("accounts: []\n")
    result = CliRunner().invoke(app, ["apply", str(file)])
    assert isinstance(result.exception, ConfigurationError)
    assert "larger than 10 bytes" in str(result.exception)


@pytest.fixture
def exported(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    async def text(_: KafkaSettings, *, with_secrets: bool = True) -> str:
        return "with\n" if with_secrets else "without\n"

    monkeypatch.setattr(directory_commands, "export_text", text)
    return environment / "export.yaml"


def test_an_export_is_readable_by_its_owner_alone(exported: Path) -> None:
    """Also when a file was there that everybody could read."""
    exported.write_text("old")
    exported.chmod(0o644)
    result = CliRunner().invoke(app, ["export", "--output", str(exported)])
    assert result.exit_code == 0
    assert exported.read_text() == "with\n"
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    assert [file.name for file in exported.parent.iterdir()] == ["export.yaml"]


def test_an_export_goes_to_standard_output_unless_told_otherwise(exported: Path) -> None:
    """Nothing but the file's text, so that it can be piped."""
    assert CliRunner().invoke(app, ["export"]).stdout == "with\n"
    assert CliRunner().invoke(app, ["export", "--without-secrets"]).stdout == "without\n"
    assert not exported.exists()


def test_an_export_that_cannot_be_written_leaves_nothing_behind(exported: Path) -> None:
    """A folder in its place: one clear error, and no draft with secrets in it."""
    exported.mkdir()
    result = CliRunner().invoke(app, ["export", "--output", str(exported)])
    assert isinstance(result.exception, ConfigurationError)
    assert "cannot be written" in str(result.exception)
    assert [file.name for file in exported.parent.iterdir()] == ["export.yaml"]
