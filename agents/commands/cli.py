"""The `smsout` command.

Every error that the system knows is one line on standard error and an exit code; an agent's command is the same as
`python -m agents.<name>`. What is imported here, everybody waits for who types `smsout`.
"""

import logging
import runpy
import sys
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from agents import core_dumps
from agents.commands.deferred import Deferred, DeferringGroup
from agents.local.up.roster import ROSTER

AGENTS: Final = "Agents"
GATEWAY: Final = "A gateway's customers, from anywhere"
"""What the Python client brings: commands for whom a gateway serves, which need nothing but its URLs."""


class AgentCommand(TyperCommand):
    """Runs an agent, which reads its own options (the simulator has some) from the command line itself."""

    def __init__(self, name: str) -> None:
        super().__init__(
            name,
            help=f"Run the agent {name}; its settings come from the environment.",
            rich_help_panel=AGENTS,
            add_help_option=False,
            context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        )

    def invoke(self, ctx: Any) -> None:
        """Become the agent."""
        sys.argv = [f"smsout {self.name}", *ctx.args]
        runpy.run_module(f"agents.{self.name}", run_name="__main__")


COMMANDS: Final = (
    Deferred(
        "doctor",
        "agents.commands.doctor.command:doctor",
        "Say what is stuck and why. Ends with 1 when something is wrong, with 69 when the broker cannot be reached.",
    ),
    Deferred(
        "install",
        "agents.commands.install:install",
        "Make topics and what there is a folder for: secrets, a certificate, the panel's first people, each only once.",
    ),
    Deferred(
        "send",
        "smsout_client.command.sending:send",
        "Send an SMS with a trunk's credentials, and print the ids of its messages.",
        panel=GATEWAY,
    ),
    Deferred(
        "preview",
        "smsout_client.command.sending:preview",
        "Say what an SMS would become and cost, and whether it may be sent. Sends nothing. Ends with 65 if it may not.",
        panel=GATEWAY,
    ),
    Deferred(
        "cancel",
        "smsout_client.command.sending:cancel",
        "Take a message back, if no carrier has it yet; its final status tells whether that was in time.",
        panel=GATEWAY,
    ),
    Deferred("up", "agents.commands.up:up", "Run the whole system on this machine until Ctrl-C."),
    Deferred(
        "broker",
        "agents.commands.up:broker",
        "Run an Apache Kafka in the foreground. Not while `smsout up` uses the same data directory.",
    ),
    *(AgentCommand(spec.name) for spec in ROSTER),
    Deferred("topics", "agents.commands.topics:app", "Kafka topics of this installation."),
    Deferred(
        "directory",
        "agents.commands.directory:app",
        "Accounts, numbers, trunks, carriers and routes as a YAML file.",
    ),
    Deferred("routes", "agents.commands.routes:app", "Which route a message takes, and why."),
    Deferred("callbacks", "agents.commands.callbacks:app", "Notifications to customers' endpoints."),
    Deferred("messages", "agents.commands.messages:app", "Messages: what became of them."),
    Deferred("carriers", "agents.commands.carriers:app", "Carrier profiles: how carriers are spoken to."),
    Deferred("dead-letters", "agents.commands.dead_letters:app", "Records that could not be processed."),
    Deferred("offsets", "agents.commands.offsets:app", "Where consumer groups go on."),
    Deferred(
        "schemas",
        "agents.commands.documents.schemas:app",
        "Generated documents: JSON Schemas and the AsyncAPI document.",
    ),
    Deferred("users", "agents.commands.users:app", "People who log in to the panel."),
    Deferred(
        "trunks",
        "smsout_client.command.trunks:app",
        "Trunks, as the management API has them.",
        panel=GATEWAY,
    ),
    Deferred(
        "profiles",
        "smsout_client.command.profiles:app",
        "Gateways that commands talk to, and as whom.",
        panel=GATEWAY,
    ),
)

_root = typer.Typer(
    cls=DeferringGroup, help="HTTP OUT SMS gateway on Apache Kafka.", no_args_is_help=True, add_completion=False
)


def _show_version(wanted: bool) -> None:
    if wanted:
        import importlib.metadata  # reads mail headers, for this alone

        typer.echo(f"smsout {importlib.metadata.version('smsout')}")
        raise typer.Exit


@_root.callback()
def _options(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    if not isinstance(app.commands[str(context.invoked_subcommand)], AgentCommand):
        _say_nothing_but_the_result()


def _say_nothing_but_the_result() -> None:
    """Clients and writers log for operators of agents; whoever types a command gets one line when it fails."""
    import structlog  # a third of what `smsout --help` would take, which never comes here

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


app: Final = typer.main.get_group(_root)
for _command in COMMANDS:
    app.add_command(_command)


def main() -> None:
    """Run the command line; ends the process with a code of sysexits.h when it fails."""
    core_dumps.forbid()  # of `smsout up` and its children, and of commands that are given the pepper
    try:
        app()
    except Exception as error:
        from agents.commands.failures import failure_of  # pydantic's errors among them, and so all of pydantic

        failure = failure_of(error)
        if failure is None:
            raise
        print(f"smsout: {failure.message}", file=sys.stderr, flush=True)
        raise SystemExit(failure.code) from None
