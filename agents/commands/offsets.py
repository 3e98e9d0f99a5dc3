"""`smsout offsets`: where each consumer group goes on, and setting it after a loss."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from aiokafka import TopicPartition
from rich.console import Console
from rich.table import Table

from agents.commands.callbacks import Yes, moment_of
from agents.commands.doctor.command import MAIN, TIERS
from pipeline.errors import ConfigurationError
from pipeline.kafka.admin.group_offsets import PartitionOffsets, group_offsets
from pipeline.kafka.admin.positions import commit_positions, positions_at
from pipeline.settings import KafkaSettings, RetrySettings
from schemas.topics import CALLBACK_RETRY, ROLLED_UP, TIMED, tier_topic

app = typer.Typer(help="Where consumer groups go on.", no_args_is_help=True)

CLIENT = "smsout-offsets"

Group = Annotated[str, typer.Argument(help="A consumer group, as `smsout offsets list` names it.")]
Maybe = Annotated[str | None, typer.Argument(help="Only this group.")]
To = Annotated[str, typer.Option("--to", help="`end`, `beginning`, or a time: `2h` ago (s, m, h, d), or in ISO 8601.")]
Topic = Annotated[str | None, typer.Option(help="Only in this topic of the group.")]


def groups(retry: RetrySettings) -> dict[str, list[str]]:
    """Return the topics that each group consumes."""
    found = {group: [topic] for group, _, topic in MAIN}
    found["sms-receipts"] = list(ROLLED_UP)
    found["sms-scheduler"] = list(TIMED)
    for group, _, family in TIERS:
        delays = retry.callback_delays_seconds if family == CALLBACK_RETRY else retry.mt_delays_seconds
        found[group] = [tier_topic(family, seconds) for seconds in delays]
    return found


@app.command("list")
def list_offsets(group: Maybe = None) -> None:
    """Show each partition: its first offset, where the group goes on, and its end."""
    asked = _asked(group)
    table = Table("group", "topic", "partition", "begin", "goes on at", "end", box=None)
    for name, found in asyncio.run(_look(asked)).items():
        for place, it in sorted(found.items()):
            committed = "nowhere" if it.committed is None else str(it.committed)
            table.add_row(name, place.topic, *map(str, (place.partition, it.begin)), committed, str(it.end))
    console = Console()
    Console(width=None if console.is_terminal else 200).print(table)


@app.command("set")
def set_offsets(group: Group, to: To, topic: Topic = None, yes: Yes = False) -> None:
    """Set where a group goes on. Nobody may be in it: stop its agents first.

    What lies behind the new place and was done already is done again: segments are posted and callbacks are made a
    second time. What lies before it and was not done never will be.
    """
    asked = _asked(group)
    if topic is not None:
        if topic not in asked[group]:
            raise typer.BadParameter(f"{group} consumes {', '.join(asked[group])}, not {topic}")
        asked = {group: [topic]}
    asyncio.run(_set(group, asked[group], to, yes=yes))


def _asked(group: str | None) -> dict[str, list[str]]:
    known = groups(RetrySettings())
    if group is None:
        return known
    if group not in known:
        raise typer.BadParameter(f"there is no group {group}; there are {', '.join(known)}")
    return {group: known[group]}


async def _look(asked: dict[str, list[str]]) -> dict[str, dict[TopicPartition, PartitionOffsets]]:
    kafka = KafkaSettings()
    return {group: await group_offsets(kafka, group, topics, client_id=CLIENT) for group, topics in asked.items()}


async def _set(group: str, topics: list[str], to: str, *, yes: bool) -> None:
    kafka = KafkaSettings()
    found = await group_offsets(kafka, group, topics, client_id=CLIENT)
    if not found:
        raise ConfigurationError(f"none of {', '.join(topics)} exists: run `smsout topics apply`")
    match to:
        case "beginning":
            positions = {place: it.begin for place, it in found.items()}
        case "end":
            positions = {place: it.end for place, it in found.items()}
        case _:
            now = datetime.now(UTC)
            positions = await positions_at(kafka, found, moment_of("--to", to, now) or now)
    again = sum(max(0, (it.committed or it.begin) - positions[place]) for place, it in found.items())
    passed = sum(max(0, positions[place] - (it.committed or it.begin)) for place, it in found.items())
    typer.echo(f"{group}: {again} offsets will be read again, {passed} will be passed over")
    if not yes and not typer.confirm("Set it?"):
        typer.echo("nothing was set")
        raise typer.Exit(1)
    await commit_positions(kafka, group, positions)
    typer.echo(f"set in {len(positions)} partitions")
