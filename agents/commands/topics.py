"""`smsout topics`: create what is missing, and show what differs."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipeline.kafka.admin import topic_admin
from pipeline.kafka.admin.topic_drift import TopicReport, TopicState
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings

app = typer.Typer(help="Kafka topics of this installation.", no_args_is_help=True)

DRIFT_EXIT = 1

Fix = Annotated[bool, typer.Option("--fix", help="Set topic configs that differ; partitions and replicas stay.")]


@app.command()
def apply(fix: Fix = False) -> None:
    """Create missing topics and report drift; ends with 1 when something differs."""
    reports = asyncio.run(topic_admin.apply(KafkaSettings(), TopicSettings(), RetrySettings(), fix=fix))
    _print(reports)
    drifted = [report for report in reports if report.state is TopicState.DRIFTED]
    typer.echo(", ".join(f"{_count(reports, state)} {state}" for state in TopicState if _count(reports, state)))
    if drifted:
        hint = "" if fix else "; `--fix` sets configs, never partitions or replicas"
        typer.echo(f"{len(drifted)} topics differ from the catalogue{hint}", err=True)
        raise typer.Exit(DRIFT_EXIT)


@app.command("list")
def list_topics() -> None:
    """Show every topic of the catalogue and what is there."""
    _print(asyncio.run(topic_admin.inspect(KafkaSettings(), TopicSettings(), RetrySettings())))


def _count(reports: list[TopicReport], state: TopicState) -> int:
    return sum(report.state is state for report in reports)


def _print(reports: list[TopicReport]) -> None:
    table = Table("topic", "state", "partitions", "key", "notes", box=None, pad_edge=False)
    for report in reports:
        notes = [f"{drift.setting} is {drift.found}, not {drift.wanted}" for drift in report.drifts]
        if report.unchecked:
            notes.append(f"this broker does not tell {', '.join(report.unchecked)}")
        topic = report.topic
        table.add_row(topic.name, report.state, str(topic.partitions), topic.key, "; ".join(notes))
    # Wide enough for every row when it is not a terminal: a log or a pipe has no width to wrap to.
    console = Console()
    Console(width=None if console.is_terminal else 200).print(table)
