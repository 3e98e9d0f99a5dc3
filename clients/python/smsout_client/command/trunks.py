"""`smsout trunks list` and `smsout trunks get`: the management API, with a key of it."""

from typing import Annotated

import typer

from smsout_client.command.options import AsJson
from smsout_client.command.profiles import ProfileOption, management
from smsout_client.command.telling import as_json, lines, table, telling
from smsout_client.models import Trunk

app = typer.Typer(help="Trunks, as the management API has them.", no_args_is_help=True)


@app.command("list")
@telling
def list_trunks(
    name: Annotated[str | None, typer.Option(help="Those whose name has this in it.")] = None,
    profile: ProfileOption = "default",
    json: AsJson = False,
) -> None:
    """Show the account's trunks."""
    with management(profile) as api:
        if json:
            for it in api.trunks(name=name):
                as_json(it.raw)
        else:
            table(("ID", "NAME", "STATE", "SOURCES", "CALLBACKS"), map(_row, api.trunks(name=name)))


def _row(it: Trunk) -> tuple[str, str, str, str, str]:
    sources = "any" if it.any_source else str(it.source_count)
    return it.id, it.name, "blocked" if it.blocked else "open", sources, it.callback_url or "none"


@app.command("get")
@telling
def get_trunk(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The trunk's id.")],
    profile: ProfileOption = "default",
    json: AsJson = False,
) -> None:
    """Show one trunk, with the numbers that may be senders."""
    with management(profile) as api:
        it = api.trunk(identity)
    if json:
        as_json(it.raw)
        return
    lines(
        [
            f"{it.id}  {it.name}{'  blocked' if it.blocked else ''}",
            f"user {it.username}, from {', '.join(it.allowed_ips) or 'any address'}",
            f"callbacks to {it.callback_url or 'nobody'}, {'with' if it.receipts_enabled else 'without'} receipts",
            "any number of the account may be the sender" if it.any_source else f"{it.source_count} senders:",
            *(it.sources or ()),
        ]
    )
