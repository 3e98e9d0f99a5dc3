"""`smsout messages list` and `smsout messages get`: the message log, with a trunk's credentials."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Final

import typer

from smsout_client.command.moments import moment_before
from smsout_client.command.options import AsJson
from smsout_client.command.profiles import ProfileOption, client
from smsout_client.command.telling import as_json, lines, table, telling
from smsout_client.models import Message

app = typer.Typer(help="Messages: what became of them.", no_args_is_help=True)

PAGE: Final = 100
SCHEDULED: Final = "Scheduled"


def moment_of(text: str, now: datetime) -> datetime:
    """Read `2h` (so long before `now`) or a time in ISO 8601, UTC unless it says. Raises `typer.BadParameter`."""
    try:
        return moment_before(now, text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text} is neither `30m`, `2h`, `3d` nor a time like 2026-11-22T18:00") from None


@app.command("list")
@telling
def list_messages(
    since: Annotated[str | None, typer.Option(help="Accepted from then on: `2h` (s, m, h, d) or a time.")] = None,
    until: Annotated[str | None, typer.Option(help="Accepted before then; like --since.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="Of this sender.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="To this number.")] = None,
    status: Annotated[str | None, typer.Option(help="With this status, such as Failed.")] = None,
    reference: Annotated[str | None, typer.Option(help="Called so.")] = None,
    tag: Annotated[str | None, typer.Option(help="Counted among these.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Of the campaign with this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")] = 50,
    profile: ProfileOption = "default",
    json: AsJson = False,
) -> None:
    """Show a trunk's messages, the newest first."""
    now = datetime.now(UTC)
    given: dict[str, str | datetime | None] = {
        "since": None if since is None else moment_of(since, now),
        "until": None if until is None else moment_of(until, now),
        "source": source, "destination": to, "status": status, "client_reference": reference, "tags": tag,
        "campaign_id": campaign,
    }  # fmt: skip
    filters = {name: value for name, value in given.items() if value is not None}
    with client(profile) as sms:
        found = islice(sms.messages(page_size=min(limit, PAGE), **filters), limit)
        if json:
            for it in found:
                as_json(it.raw)
        else:
            table(("ID", "ACCEPTED", "FROM", "TO", "STATUS"), map(_row, found))


def _row(it: Message) -> tuple[str, str, str, str, str]:
    return it.id, f"{it.accepted_at:%Y-%m-%d %H:%M:%S}", it.source, it.destination, _status(it)


def _status(it: Message) -> str:
    said = it.status if it.code_id is None else f"{it.status} ({it.reason or it.code_id})"
    if it.status == SCHEDULED and it.send_at is not None:
        said = f"{said} for {it.send_at:%Y-%m-%d %H:%M:%S}"
    return said if it.delivery_status is None else f"{said}, {it.delivery_status}"


@app.command("get")
@telling
def get_message(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The message's id.")],
    profile: ProfileOption = "default",
    json: AsJson = False,
) -> None:
    """Show one message and what happened to it."""
    with client(profile) as sms:
        found = sms.message(identity)
        events = sms.events(identity)
    if json:
        as_json({**found.raw, "events": [it.raw for it in events]})
        return
    price = "" if found.price is None else f", {found.price} {found.currency}"
    lines([f"{found.id}  {_status(found)}{price}", f"from {found.source} to {found.destination}"])
    lines([] if found.bulk_id is None else [f"in the bulk {found.bulk_id}"])
    lines([] if found.campaign_id is None else [f"in the campaign {found.campaign_id}"])
    lines([""])
    lines(f"{it.at:%Y-%m-%d %H:%M:%S}  {it.description}" for it in events)
