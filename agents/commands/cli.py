"""The `smsout` command.

Every error that the system knows is one line on standard error and an exit code; an agent's command is the same as
`python -m agents.<name>`.
"""

import importlib.metadata
import logging
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, NoReturn

import structlog
import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from agents import core_dumps
from agents.commands import callbacks as callbacks_commands
from agents.commands import carriers as carriers_commands
from agents.commands import dead_letters as dead_letters_commands
from agents.commands import directory as directory_commands
from agents.commands import doctor as doctor_command
from agents.commands import install as install_command
from agents.commands import messages as messages_commands
from agents.commands import offsets as offsets_commands
from agents.commands import routes as routes_commands
from agents.commands import schema_documents
from agents.commands import topics as topics_commands
from agents.commands import users as users_commands
from agents.local.up.port_plan import PortsKind
from agents.local.up.roster import ROSTER
from agents.runtime import EXIT_CONFIGURATION, EXIT_SOFTWARE, EXIT_UNAVAILABLE
from pipeline.errors import BrokerUnreachable, ConfigurationError, SmsoutError

DATA_DIR: Final = Path(".smsout/data")

app = typer.Typer(
    help="HTTP OUT SMS gateway on Apache Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(topics_commands.app, name="topics")
app.add_typer(directory_commands.app, name="directory")
app.add_typer(routes_commands.app, name="routes")
app.add_typer(callbacks_commands.app, name="callbacks")
app.add_typer(messages_commands.app, name="messages")
app.add_typer(carriers_commands.app, name="carriers")
app.add_typer(dead_letters_commands.app, name="dead-letters")
app.add_typer(offsets_commands.app, name="offsets")
app.command("doctor")(doctor_command.doctor)
app.command("install")(install_command.install)
app.add_typer(schema_documents.app, name="schemas")
app.add_typer(users_commands.app, name="users")

DataDirectory = Annotated[Path, typer.Option(help="Where everything that must be kept is kept.", file_okay=False)]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"smsout {importlib.metadata.version('smsout')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
def up(
    ready_file: Annotated[Path | None, typer.Option(help="Write what runs where here, as JSON, when ready.")] = None,
    data_dir: DataDirectory = DATA_DIR,
    ports: Annotated[PortsKind, typer.Option(help="Documented ports, or free ones.")] = PortsKind.DEFAULT,
    directory: Annotated[
        Path | None, typer.Option(help="Apply this YAML file instead of the demo.", exists=True, dir_okay=False)
    ] = None,
    carrier_url: Annotated[str | None, typer.Option(help="Carrier in place of the practice one.")] = None,
    callback_url: Annotated[str | None, typer.Option(help="Callback URL of the demo trunk.")] = None,
    observe: Annotated[bool, typer.Option("--observe", help="Start a Prometheus that looks at all of it.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show every line that the agents write, not in the log file alone.")
    ] = False,
) -> None:
    """Run the whole system on this machine until Ctrl-C."""
    from agents.local.up.run import UpOptions  # imported here: `--help` should not wait for clients of the broker
    from agents.local.up.run import up as run

    run(UpOptions(data_dir, ready_file, ports, directory, carrier_url, callback_url, observe, verbose))


@app.command("broker")
def run_broker(
    data_dir: DataDirectory = DATA_DIR,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 9092,
) -> None:
    """Run an Apache Kafka in the foreground. Not while `smsout up` uses the same data directory."""
    from agents.local.broker.foreground import run_in_foreground
    from agents.local.up.data_dir import DataDir

    data = DataDir(data_dir).open()
    run_in_foreground(data.broker_folder(), port)


def _agent_command(name: str) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        sys.argv = [f"smsout {name}", *context.args]
        runpy.run_module(f"agents.{name}", run_name="__main__")

    command.__doc__ = f"Run the agent {name}; its settings come from the environment."
    return command


for _spec in ROSTER:
    # Their own options (the simulator has some) are read from the command line by the agents themselves.
    app.command(
        _spec.name,
        rich_help_panel="Agents",
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(_agent_command(_spec.name))


def _fail(message: str, code: int) -> NoReturn:
    print(f"smsout: {message}", file=sys.stderr, flush=True)
    raise SystemExit(code)


def _wrong_settings(error: ValidationError) -> str:
    """Name each setting as it is written in the environment; its value may be a secret and is not shown."""
    prefixes = {
        group.__name__: str(group.model_config.get("env_prefix", "")) for group in BaseSettings.__subclasses__()
    }
    prefix = prefixes.get(error.title, f"{error.title}.")
    problems = [
        (".".join(map(str, it["loc"])), it["msg"].removeprefix("Value error, "))
        for it in error.errors(include_input=False)
    ]
    return "; ".join(f"{prefix}{name.upper() if error.title in prefixes else name}: {what}" for name, what in problems)


def main() -> None:
    """Run the command line; ends the process with a code of sysexits.h when it fails."""
    core_dumps.forbid()  # of `smsout up` and its children, and of commands that are given the pepper
    if not (len(sys.argv) > 1 and sys.argv[1] in {spec.name for spec in ROSTER}):
        # Clients and writers log for operators of agents; whoever types a command gets one line when it fails.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        app()
    except ConfigurationError as error:
        _fail(str(error), EXIT_CONFIGURATION)
    except ValidationError as error:
        _fail(_wrong_settings(error), EXIT_CONFIGURATION)
    except BrokerUnreachable as error:
        _fail(str(error), EXIT_UNAVAILABLE)
    except SmsoutError as error:
        _fail(str(error), EXIT_SOFTWARE)
