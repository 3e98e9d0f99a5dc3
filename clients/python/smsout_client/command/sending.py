"""`smsout send`, `smsout preview` and `smsout cancel`."""

from typing import Annotated

import typer

from smsout_client.command.options import AsJson, Content, From, text_of
from smsout_client.command.profiles import ProfileOption, client
from smsout_client.command.telling import DATA, as_json, lines, table, telling
from smsout_client.models import Preview
from smsout_client.wire import Options

SmartEncoding = Annotated[
    str | None, typer.Option(help="off, replace or transliterate: what may be changed of the text to save segments.")
]
Campaign = Annotated[str | None, typer.Option(help="Id of the campaign that it belongs to.")]


@telling
def send(
    content: Content,
    source: From,
    to: Annotated[list[str], typer.Option("--to", help="Who gets it; up to 1000, all or none of them.")],
    reference: Annotated[str | None, typer.Option(help="What you call it.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="What it is counted among; up to 10.")] = None,
    smart_encoding: SmartEncoding = None,
    callback_url: Annotated[str | None, typer.Option(help="Where its callbacks go instead of the trunk's URL.")] = None,
    campaign: Campaign = None,
    key: Annotated[
        str | None, typer.Option(help="Sent again with the same key it is still one message (Idempotency-Key).")
    ] = None,
    profile: ProfileOption = "default",
    json: AsJson = False,
) -> None:
    """Send an SMS with a trunk's credentials, and print the ids of its messages."""
    text = text_of(content)
    options: Options = {
        "client_reference": reference, "tags": tag or [], "smart_encoding": smart_encoding,
        "callback_url": callback_url, "campaign_id": campaign,
    }  # fmt: skip
    with client(profile) as sms:
        if len(to) == 1:
            sent = [sms.send(source=source, destination=to[0], content=text, key=key, **options)]
        else:
            sent = sms.send_many(source=source, destinations=to, content=text, key=key, **options)
    for it in sent:
        if json:
            as_json({"id": it.id, "destination": it.destination, "replayed": it.replayed})
        else:
            lines([f"{it.id}  {it.destination}{'  had been sent before' if it.replayed else ''}"])


@telling
def cancel(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The message's id.")],
    bulk: Annotated[bool, typer.Option("--bulk", help="It is that of a scheduled bulk: all of its messages.")] = False,
    profile: ProfileOption = "default",
) -> None:
    """Take a message back, if no carrier has it yet; its final status tells whether that was in time."""
    with client(profile) as sms:
        if bulk:
            sms.cancel_bulk(identity)
        else:
            sms.cancel(identity)
    lines([f"{identity}  is taken back where that is still possible: smsout messages get tells"])


@telling
def preview(
    content: Content,
    source: From,
    to: Annotated[str, typer.Option("--to", help="Who would get it.")],
    smart_encoding: SmartEncoding = None,
    campaign: Campaign = None,
    profile: ProfileOption = "default",
    json: AsJson = False,
) -> None:
    """Say what an SMS would become and cost, and whether it may be sent. Sends nothing. Ends with 65 if it may not."""
    with client(profile) as sms:
        found = sms.preview(
            source=source, destination=to, content=text_of(content), smart_encoding=smart_encoding, campaign_id=campaign
        )
    if json:
        as_json(found.raw)
    else:
        _print(found)
    if not found.sendable:
        raise typer.Exit(DATA)


def _print(found: Preview) -> None:
    count = len(found.segments)
    outside = f", because of {' '.join(found.outside_gsm7)}" if found.outside_gsm7 else ""
    price = "" if found.price is None else f", {found.price} {found.currency}"
    lines(
        [
            f"{found.encoding}{outside}: {count} segment{'' if count == 1 else 's'}{price}",
            f"{found.characters_left} more characters fit",
            *[f"{it.step}: {it.before} becomes {it.after or 'nothing'}, {it.count}x" for it in found.text_changes],
            *([] if found.sendable else [f"It would not be sent: {found.reason}"]),
        ]
    )
    if count > 1:
        table(("#", "TEXT"), [(str(number), it) for number, it in enumerate(found.segments, 1)])
