"""Results for people or as JSON, errors as a line and an exit code of sysexits.h."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, Final, ParamSpec

import typer

from smsout_client.errors import Refused, SmsoutClientError, Unavailable

DATA: Final = 65
UNAVAILABLE: Final = 69
CONFIGURATION: Final = 78

P = ParamSpec("P")


class Misconfigured(SmsoutClientError):
    """A profile is missing or wrong."""


def telling(command: Callable[P, None]) -> Callable[P, None]:
    """Make a command end with a line or more on standard error and a code, where it cannot do what it is asked."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Refused as refused:
            said = [it.detail if it.pointer is None else f"{it.pointer}: {it.detail}" for it in refused.problems]
            _fail(DATA, said or [str(refused)])
        except Unavailable as unavailable:
            again = (
                [] if unavailable.key is None else [f"It may have been taken: repeat it with --key {unavailable.key}"]
            )
            _fail(UNAVAILABLE, [str(unavailable), *again])
        except Misconfigured as wrong:
            _fail(CONFIGURATION, [str(wrong)])

    return told


def _fail(code: int, said: Iterable[str]) -> None:
    for line in said:
        typer.echo(f"smsout: {plain(line)}", err=True)
    raise typer.Exit(code)


def plain(text: str) -> str:
    """Return text without what a terminal would act upon: a gateway's words are not the terminal's commands."""
    return "".join(
        it if it == " " or unicodedata.category(it)[0] not in "CZ" else "\N{REPLACEMENT CHARACTER}" for it in text
    )


def lines(told: Iterable[str]) -> None:
    """Print lines for people."""
    for line in told:
        typer.echo(plain(line))


def as_json(told: Any) -> None:
    """Print one JSON document, on one line."""
    typer.echo(json.dumps(told, ensure_ascii=False, default=str))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns as wide as what is in them; nothing but the head says that there is nothing."""
    all_rows = [list(head), *([plain(it) for it in row] for row in rows)]
    widths = [max(len(row[column]) for row in all_rows) for column in range(len(head))]
    for row in all_rows:
        typer.echo("  ".join(it.ljust(width) for it, width in zip(row, widths, strict=True)).rstrip())
