"""`smsout routes`: which route a message takes, and why."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from pipeline.directory.model import Directory
from pipeline.directory.values import name_key
from pipeline.errors import ConfigurationError
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings
from pipeline.steps.routing_explained import Explanation, Verdict, explain, number_problem
from schemas.directory.trunk import Trunk

SHOWN: Final = 50

app = typer.Typer(help="Which route a message takes, and why.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `explain` a command of its own, as long as it is the only one."""


@app.command("explain")
def explain_command(
    trunk: Annotated[str, typer.Option("--trunk", help="The trunk's id or name.")],
    source: Annotated[str, typer.Option("--from", help="The number or sender that the message is from.")],
    destination: Annotated[str, typer.Option("--to", help="The number that it goes to, country code first.")],
    everything: Annotated[bool, typer.Option("--all", help=f"Also show more than {SHOWN} routes.")] = False,
) -> None:
    """Say which route a message would take now, which are next, and what every other one lacks.

    Ends with 1 when there is none, or the message would be refused before.
    """
    destination = destination.removeprefix("+")
    if (problem := number_problem(destination)) is not None:
        raise ConfigurationError(f"--to: {problem}")
    directory = asyncio.run(_read(KafkaSettings()))
    found = trunk_of(directory, trunk)
    explanation = explain(directory, found.id, source.removeprefix("+"), destination, datetime.now(UTC))
    for line in lines_of(explanation, None if everything else SHOWN):
        typer.echo("".join(it if it.isprintable() else " " for it in line))
    if explanation.refusal is not None or not explanation.winners:
        raise typer.Exit(1)


async def _read(kafka: KafkaSettings) -> Directory:
    view = await DirectoryView(kafka, client_id="smsout-routes").start()
    try:
        return view.directory
    finally:
        await view.stop()


def trunk_of(directory: Directory, wanted: str) -> Trunk:
    """Return the trunk with this id or name. Raises `ConfigurationError` when there is none, or several."""
    trunk = directory.trunk(wanted)
    if trunk is not None:
        return trunk
    named = [it for it in directory.entries(Trunk) if it.deleted_at is None and name_key(it.name) == name_key(wanted)]
    if len(named) == 1:
        return named[0]
    raise ConfigurationError(
        "--trunk: several trunks have this name: give the id" if named else "--trunk: there is no such trunk"
    )


def lines_of(explanation: Explanation, most: int | None) -> list[str]:
    """Return what is printed: what decides first, at most so many routes."""
    lines: list[str] = []
    if explanation.refusal is not None:
        lines.append(f"refused  {explanation.refusal}")
    if not explanation.winners:
        lines.append("none     no route takes it (code_id 1: no route)")
    shown = explanation.verdicts if most is None else explanation.verdicts[:most]
    lines += [_line(verdict) for verdict in shown]
    left = len(explanation.verdicts) - len(shown)
    if left:
        lines.append(f"and {left} more: --all shows them")
    return lines


def _line(verdict: Verdict) -> str:
    if verdict.place is None:
        place = "-"
    elif verdict.place == 1:
        place = "takes it" if verdict.percent is None else f"{verdict.percent:.3g} %"
    else:
        place = (
            f"then {verdict.place}" if verdict.percent is None else f"then {verdict.place} ({verdict.percent:.3g} %)"
        )
    return f"{place:8} {words_of(verdict)}: {verdict.why}"


def words_of(verdict: Verdict) -> str:
    """Return what a route is for, where it leads, and what it costs."""
    route = verdict.route
    words = f"destinations {route.destination_prefix}*" if route.destination_prefix else "all destinations"
    if route.source_prefix is not None:
        words += f" from {route.source_prefix}*"
    if route.short_codes:
        words += " and short codes"
    if verdict.account_name is not None:
        words += f" of {verdict.account_name}"
    words += f" to {verdict.carrier_name}"
    if route.price_per_segment is not None:
        words += f", {route.price_per_segment:f}{'' if route.currency is None else f' {route.currency}'} a segment"
    return words
