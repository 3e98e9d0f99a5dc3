"""All commands as one, for whoever has this package alone; the gateway's own `smsout` has them beside its others."""

import typer

from smsout_client.command import messages, profiles, sending, trunks

app = typer.Typer(
    help="A smsout gateway from the command line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("send")(sending.send)
app.command("preview")(sending.preview)
app.command("cancel")(sending.cancel)
app.add_typer(messages.app, name="messages")
app.add_typer(trunks.app, name="trunks")
app.add_typer(profiles.app, name="profiles")
