"""`smsout routes explain`: what is printed, and with which code it ends."""

from decimal import Decimal

import pytest
from typer.testing import CliRunner, Result

from agents.commands import routes as commands
from agents.commands.routes import app, trunk_of
from pipeline.directory.model import Directory
from pipeline.errors import ConfigurationError
from pipeline.settings import KafkaSettings
from tests.builders import DESTINATION, SOURCE, account, carrier, did, directory_of, route, trunk, uuid

TRUNK = trunk(11, name="Sales")
USUAL = directory_of(
    account(name="Demo"), did(), TRUNK, carrier(21, name="Alpha"), carrier(22, name="Beta\n\x1b[31m"),
    route(31, destination_prefix="1555", account_id=uuid(1), price_per_segment=Decimal("0.0075"), currency="USD"),
    route(32, carrier_id=uuid(22), source_prefix="1212"), route(33, destination_prefix="44", blocked=True),
)  # fmt: skip


def explained(
    monkeypatch: pytest.MonkeyPatch,
    *more: str,
    directory: Directory = USUAL,
    source: str = SOURCE,
    to: str = DESTINATION,
) -> Result:
    async def read(_: KafkaSettings) -> Directory:
        return directory

    monkeypatch.setattr(commands, "_read", read)
    return CliRunner().invoke(app, ["explain", "--trunk", "sales", "--from", source, "--to", to, *more])


def test_every_route_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The winner first, then who is next, then what the others lack; nothing that could steer a terminal."""
    result = explained(monkeypatch, to=f"+{DESTINATION}")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "takes it destinations 1555* of Demo to Alpha, 0.0075 USD a segment: "
        "the best that fits: destination prefix 1555, for this account, priority 0",
        "then 2   all destinations from 1212* to Beta  [31m: its destination prefix is shorter than 1555",
        "-        destinations 44* to Alpha: the destination does not begin with 44; it is blocked",
    ]


def test_a_message_that_would_be_refused_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason that its status would have."""
    refused = explained(monkeypatch, source="12125559999")
    assert refused.exit_code == 1
    assert refused.stdout.startswith("refused  code_id 8: the source is not a DID of the account\n")
    nothing = explained(monkeypatch, directory=directory_of(account(), did(), TRUNK))
    assert (nothing.exit_code, nothing.stdout) == (1, "none     no route takes it (code_id 1: no route)\n")


def test_shares_are_shown_and_long_lists_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of equal routes each shows its percentage; the rest is counted unless all is asked for."""
    many = directory_of(
        account(), did(), TRUNK, carrier(21), carrier(22), route(31, weight=3), route(32, carrier_id=uuid(22)),
        *(route(100 + n, destination_prefix=f"44{n}") for n in range(60)),
    )  # fmt: skip
    lines = explained(monkeypatch, directory=many).stdout.splitlines()
    assert sorted(line.split(" all", maxsplit=1)[0].strip() for line in lines[:2]) == ["25 %", "75 %"]
    assert (len(lines), lines[-1]) == (51, "and 12 more: --all shows them")
    assert len(explained(monkeypatch, "--all", directory=many).stdout.splitlines()) == 62


def test_what_cannot_be_asked_is_told_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that is none; a trunk that is not there, or is one of several of the name."""
    result = explained(monkeypatch, to="abc")
    assert isinstance(result.exception, ConfigurationError)
    assert "--to: destination must be 7 to 15 digits" in str(result.exception)
    for directory, problem in (
        (directory_of(), "there is no such trunk"),
        (directory_of(TRUNK, trunk(12, name="SALES", account_id=uuid(2))), "several trunks have this name"),
    ):
        with pytest.raises(ConfigurationError, match=problem):
            trunk_of(directory, "Sales")
    assert trunk_of(USUAL, TRUNK.id) == TRUNK
