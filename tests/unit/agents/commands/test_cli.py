"""The command line: what fails is one line and an exit code; agents' commands are their modules."""

import subprocess
import sys
from pathlib import Path

import pytest

from agents.commands import cli
from agents.commands.deferred import Deferred
from agents.local.up.roster import ROSTER
from pipeline.carriers.receipt_reference import receipt_token
from pipeline.errors import BrokerUnreachable, ConfigurationError, NotAcknowledged, SmsoutError
from tests.builders import RECEIPT_KEY


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", "from agents.commands.cli import main; main()", *arguments],
        capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("SMSOUT_X is wrong"), 78),
        (BrokerUnreachable("nobody answers"), 69),
        (NotAcknowledged("in doubt"), 70),
    ],
)
def test_errors_of_the_tree_are_one_line_and_a_code(
    error: SmsoutError, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback; a supervisor can tell kinds of failure apart (sysexits.h)."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert capsys.readouterr().err == f"smsout: {error}\n"


def test_an_unreachable_broker_is_one_line_that_names_address_and_setting() -> None:
    """Nobody listens: exit code 69, the address, the setting, no log lines of the client."""
    answer = run(
        "topics", "apply",
        SMSOUT_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1", SMSOUT_KAFKA_CONNECT_TIMEOUT_SECONDS="0.2",
    )  # fmt: skip
    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (69, "", 1)
    assert "127.0.0.1:1 (SMSOUT_KAFKA_BOOTSTRAP_SERVERS)" in answer.stderr


def test_a_setting_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """pydantic's report is folded into one line that names the setting, exit code 78."""
    answer = run("topics", "apply", SMSOUT_TOPICS_PARTITIONS="many")
    assert (answer.returncode, answer.stderr.count("\n")) == (78, 1)
    assert "SMSOUT_TOPICS_PARTITIONS" in answer.stderr


@pytest.mark.parametrize("url", ["ftp://carrier/", "carrier.example", "http://"])
def test_a_url_that_is_none_is_refused_before_anything_starts(url: str, tmp_path: Path) -> None:
    """--carrier-url must be http or https with a host; the data directory is not even made."""
    answer = run("up", f"--data-dir={tmp_path / 'data'}", f"--carrier-url={url}")
    assert (answer.returncode, answer.stderr.count("\n")) == (78, 1)
    assert "--carrier-url must be an http or https URL" in answer.stderr
    assert not (tmp_path / "data").exists()


def test_every_agent_has_a_command() -> None:
    """`smsout <agent>` reaches the agent's module, its own options included."""
    listed = run("--help").stdout
    assert [spec.name for spec in ROSTER if f" {spec.name} " not in listed] == []
    answer = run("simulator", "--help")
    assert answer.returncode == 0
    assert "--ledger-file" in answer.stdout


@pytest.mark.parametrize("listed", [it for it in cli.COMMANDS if isinstance(it, Deferred)], ids=lambda it: it.name)
def test_what_is_listed_is_what_is_there(listed: Deferred) -> None:
    """Each listed command can be imported, and its own help begins with what the list says of it."""
    command = listed.load()
    assert command.name == listed.name
    assert " ".join((command.help or "").split("\n\n")[0].split()) == listed.help


def test_the_version_is_the_distributions() -> None:
    """`smsout --version` tells what is installed."""
    assert run("--version").stdout == "smsout 0.1.0\n"


def test_the_address_for_a_carriers_receipts_is_one_that_ingress_takes() -> None:
    """With its token; without a key nothing is made up."""
    settings = {
        "SMSOUT_RECEIPT_KEY": RECEIPT_KEY.decode(), "SMSOUT_DELIVERY_RECEIPT_BASE_URL": "https://sms.example/",
    }  # fmt: skip
    printed = run("carriers", "receipts-url", "A B", **settings)
    token = receipt_token("A B", RECEIPT_KEY)
    assert (printed.returncode, printed.stdout) == (0, f"https://sms.example/carriers/A%20B/receipts?token={token}\n")
    refused = run("carriers", "receipts-url", "A B")
    assert (refused.returncode, "SMSOUT_RECEIPT_KEY" in refused.stderr) == (78, True)
