"""`smsout callbacks`: what became of notifications, and sending them again."""

import asyncio
import heapq
import unicodedata
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text
from smsout_client.command.moments import moment_before

from pipeline.callbacks.resend import Asked, Selection, obstacle, resends
from pipeline.errors import Refused
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views import callback_history
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings, RetrySettings
from schemas.identifiers import Uuid
from schemas.messages.callback import CallbackAttempt

app = typer.Typer(help="Notifications to customers' endpoints.", no_args_is_help=True)

SHOWN: Final = 1000
AT_ONCE: Final = 1000  # records in one write
_uuid: Final[TypeAdapter[str]] = TypeAdapter(Uuid)

Message = Annotated[str | None, typer.Option("--message", help="A message's id.")]
TrunkId = Annotated[str | None, typer.Option("--trunk", help="A trunk's id.")]
Since = Annotated[str | None, typer.Option(help="From then on: `2h` (s, m, h, d) or a time, UTC unless it says.")]
Until = Annotated[str | None, typer.Option(help="Before then; like --since. Now, when it is left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, in the order of the topic.")]
FailedOnly = Annotated[bool, typer.Option("--failed-only", help="Only those whose newest attempt was not accepted.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("attempts")
def attempts_command(
    message: Message = None, trunk: TrunkId = None, since: Since = None, until: Until = None, as_json: AsJson = False
) -> None:
    """Show how attempts went: of one message, or of a trunk (the last day, unless --since says more)."""
    asked = what_is_asked(message, trunk, since or ("1d" if trunk else None), until, datetime.now(UTC))
    asyncio.run(_show_attempts(asked, as_json=as_json))


@app.command("resend")
def resend_command(
    message: Message = None,
    trunk: TrunkId = None,
    since: Since = None,
    until: Until = None,
    failed_only: FailedOnly = False,
    yes: Yes = False,
) -> None:
    """Send notifications again, with the webhook-id that they had: of one message, or of a trunk since a time."""
    if trunk and not since:
        raise typer.BadParameter("a trunk needs --since: how far back?")
    asked = what_is_asked(message, trunk, since, until, datetime.now(UTC))
    asyncio.run(_resend(asked, failed_only=failed_only, yes=yes))


def what_is_asked(message: str | None, trunk: str | None, since: str | None, until: str | None, now: datetime) -> Asked:
    """Read the options. Raises `typer.BadParameter` for those that make no sense."""
    if (message is None) == (trunk is None):
        raise typer.BadParameter("give either --message or --trunk")
    for name, value in (("--message", message), ("--trunk", trunk)):
        try:
            value is None or _uuid.validate_python(value)
        except ValidationError:
            raise typer.BadParameter(f"{name} takes an id, a UUID in lower case") from None
    begin, end = moment_of("--since", since, now), moment_of("--until", until, now)
    if begin is not None and begin >= (end or now):
        raise typer.BadParameter("--since must be before --until, and in the past")
    return Asked(message, trunk, begin, end)


def moment_of(option: str, text: str | None, now: datetime) -> datetime | None:
    """Read `2h` (so long before `now`) or a time in ISO 8601. Raises `typer.BadParameter`."""
    if text is None:
        return None
    try:
        return moment_before(now, text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{option} takes `30m`, `2h`, `3d` or a time like 2026-11-22T18:00") from None


async def _show_attempts(asked: Asked, *, as_json: bool) -> None:
    async with aclosing(callback_history.attempts(KafkaSettings(), asked)) as found:
        if as_json:
            async for attempt in found:
                typer.echo(attempt.to_bytes())
            return
        count, newest = 0, list[tuple[datetime, int, CallbackAttempt]]()
        async for attempt in found:
            count += 1
            (heapq.heappush if count <= SHOWN else heapq.heappushpop)(newest, (attempt.at, count, attempt))
    if not count:
        typer.echo("no attempts are known; they are kept for a week")
        return
    table = Table("time (UTC)", "message", "#", "endpoint", "code", "ms", "outcome", "error", "answer", box=None)
    for _, _, attempt in sorted(newest, key=lambda it: it[:2]):
        number = f"{attempt.attempt} (resent)" if attempt.resent_at else str(attempt.attempt)
        table.add_row(
            *map(plain, (
                f"{attempt.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", attempt.webhook_id, number, attempt.endpoint,
                str(attempt.status_code or "-"), str(attempt.milliseconds), attempt.outcome, attempt.error or "",
                attempt.answer or "",
            ))
        )  # fmt: skip
    # Wide enough for every row when it is not a terminal: a log or a pipe has no width to wrap to.
    console = Console()
    Console(width=None if console.is_terminal else 400).print(table)
    if count > SHOWN:
        typer.echo(f"the newest {SHOWN} of {count}; --json shows all")


def plain(text: str) -> Text:
    """Return text that the other side may have written: nothing in it can steer a terminal."""
    return Text("".join(it if unicodedata.category(it)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for it in text))


async def _resend(asked: Asked, *, failed_only: bool, yes: bool) -> None:
    kafka, delays = KafkaSettings(), RetrySettings().callback_delays_seconds
    async with _directory(kafka) as view:
        why = obstacle(view.directory.trunk(asked.trunk_id)) if asked.trunk_id else None
        selection = await callback_history.select(kafka, asked, view.directory, failed_only=failed_only)
        if why is not None and not selection.chosen():
            raise Refused(f"nothing was resent: {why}", stage="resend")
        chosen = _announce(selection)
        if not chosen:
            raise typer.Exit(1 if selection.obstacles() else 0)
        if not yes and not typer.confirm(f"Resend {_count(chosen)}?"):
            typer.echo("nothing was resent")
            raise typer.Exit(1)
        producer = await RecordProducer(kafka, client_id="callback-resend").start()
        try:
            records = resends(selection.chosen(), delays, datetime.now(UTC))
            for begin in range(0, len(records), AT_ONCE):
                await producer.write(records[begin : begin + AT_ONCE])
        finally:
            await producer.stop()
    typer.echo(f"{_count(chosen)} resent")


def _announce(selection: Selection) -> int:
    """Say what was found, and return how many notifications can be sent again."""
    obstacles = selection.obstacles()
    for why, count in obstacles.items():
        typer.echo(f"{_count(count)} cannot be resent: {why}", err=True)
    if selection.unreadable:
        typer.echo(f"{selection.unreadable} records are unreadable and left out", err=True)
    if selection.failed_only and (unknown := selection.without_attempt()):
        typer.echo(f"{_count(unknown)} without any attempt that is known: left out", err=True)
    chosen = len(selection.chosen())
    if not chosen and not obstacles:
        typer.echo("there is nothing to resend")
    return chosen


def _count(notifications: int) -> str:
    return f"{notifications} notification{'s' if notifications != 1 else ''}"


@asynccontextmanager
async def _directory(kafka: KafkaSettings) -> AsyncIterator[DirectoryView]:
    view = await DirectoryView(kafka, client_id="callback-resend").start()
    try:
        yield view
    finally:
        await view.stop()
