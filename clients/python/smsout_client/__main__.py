"""`python -m smsout_client`: the command line (needs the extra `command`)."""

from smsout_client.command.app import app

app(prog_name="smsout")
