"""`smsout messages`: where a message is, and why it is not further."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from smsout_client.command import messages as gateway_messages
from sqlalchemy import select

from agents.commands.callbacks import plain
from agents.serving.message_shown import events, message
from pipeline.directory.model import Directory
from pipeline.errors import ConfigurationError
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.kafka.views.message_places import ends_of, whereabouts_of
from pipeline.message_log.database import database_url, is_made, reader_engine, reading
from pipeline.message_log.reading.history import MessageHistory
from pipeline.message_log.reading.look_up import find, history_of
from pipeline.message_log.reading.whereabouts import sentences
from pipeline.message_log.tables import OFFSETS
from pipeline.message_log.writing.decoding import TOPICS
from pipeline.settings import KafkaSettings, RetrySettings
from schemas.directory.trunk import Trunk

app = typer.Typer(help="Messages: what became of them.", no_args_is_help=True)
app.add_typer(gateway_messages.app)

CLIENT: Final = "smsout-messages"
BEHIND: Final = 1000  # records: less may just be on their way

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object for each message of that id.")]
Data = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        help="Where `smsout up` keeps its data; counts unless SMSOUT_DATABASE_URL or SMSOUT_STATE_DIR is set.",
    ),
]


@app.callback()
def _messages() -> None:
    pass


@app.command("show")
def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The message's id.")],
    as_json: AsJson = False,
    data_dir: Data = Path(".smsout/data"),
) -> None:
    """Say where a message is and why it is not further, with its history. Ends with 1 when nobody knows it."""
    if not (os.environ.get("SMSOUT_DATABASE_URL") or os.environ.get("SMSOUT_STATE_DIR")):
        os.environ["SMSOUT_STATE_DIR"] = str(data_dir / "state")
    asyncio.run(_show(identity.strip().lower(), as_json=as_json))


async def _show(identity: str, *, as_json: bool) -> None:
    histories, positions = await asyncio.to_thread(_look, identity)
    kafka = KafkaSettings()
    behind = await _behind(kafka, positions)
    if not histories:
        typer.echo(f"The message log has no message {identity}.")
        if behind:
            typer.echo(f"It is {behind:,} records behind the topics: look again when it has caught up.")
        raise typer.Exit(1)
    directory = await _directory(kafka)
    for history in histories:
        trunk = directory.trunk(history.message.trunk_id)
        found = await whereabouts_of(kafka, RetrySettings(), history.message)
        said = sentences(history, found, datetime.now(UTC), trunk, lambda it: _name(directory, it))
        if behind >= BEHIND:
            said.append(f"The message log is {behind:,} records behind the topics: there may be news.")
        if as_json:
            typer.echo(json.dumps(_as_json(history, said, directory)))
        else:
            _print(history, said, directory, trunk)


def _look(identity: str) -> tuple[list[MessageHistory], dict[tuple[str, int], int]]:
    engine = reader_engine(database_url())
    try:
        with reading(engine) as connection:
            if not is_made(connection):
                raise ConfigurationError("the message log's database is empty: has the agent message_log ever run?")
            positions = {(row.topic, row.partition): row.next_offset for row in connection.execute(select(OFFSETS))}
            return [history_of(connection, it) for it in find(connection, identity)], positions
    finally:
        engine.dispose()


async def _behind(kafka: KafkaSettings, positions: dict[tuple[str, int], int]) -> int:
    ends = await ends_of(kafka, TOPICS)
    return sum(max(0, end - positions.get(place, 0)) for place, end in ends.items())


async def _directory(kafka: KafkaSettings) -> Directory:
    view = DirectoryView(kafka, client_id=CLIENT)
    try:
        await view.start()
    finally:
        await view.stop()
    return view.directory


def _name(directory: Directory, identity: str) -> str:
    if (carrier := directory.carrier(identity)) is not None:
        return f"carrier {carrier.name}"
    trunk = directory.trunk(identity)
    return identity if trunk is None else f"trunk {trunk.name}"


def _as_json(history: MessageHistory, said: list[str], directory: Directory) -> dict[str, Any]:
    account = directory.account(history.message.account_id or "")
    keeps_text = account is not None and account.keeps_text
    shown = message(history.message, keeps_text=keeps_text)
    happened = events(history, lambda it: _name(directory, it))
    return {**shown, "trunk_id": history.message.trunk_id, "where": said, "events": happened}


def _print(history: MessageHistory, said: list[str], directory: Directory, trunk: Trunk | None) -> None:
    it = history.message
    carrier = f", {_name(directory, it.carrier_id)}" if it.carrier_id else ""
    lines = [
        f"{it.id}  {it.state}",
        f"from {it.source} to {it.destination}, {'a trunk that is gone' if trunk is None else f'trunk {trunk.name}'}"
        f"{carrier}",
        *([f"called {it.client_reference}"] if it.client_reference else []),
        *([f"tagged {', '.join(it.tags)}"] if it.tags else []),
        "",
        *said,
        "",
        *(
            f"{event.at:%Y-%m-%d %H:%M:%S}.{event.at.microsecond // 1000:03d}  {event.words}"
            for event in history.events()
        ),
    ]
    for line in lines:
        typer.echo(plain(line).plain)
