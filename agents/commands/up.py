"""`smsout up` and `smsout broker`: all of it on this machine, or the broker alone."""

from pathlib import Path
from typing import Annotated, Final

import typer

from agents.local.broker.foreground import run_in_foreground
from agents.local.up import run
from agents.local.up.installation.data_dir import DataDir
from agents.local.up.port_plan import PortsKind

DATA_DIR: Final = Path(".smsout/data")

DataDirectory = Annotated[Path, typer.Option(help="Where everything that must be kept is kept.", file_okay=False)]


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
    run.up(run.UpOptions(data_dir, ready_file, ports, directory, carrier_url, callback_url, observe, verbose))


def broker(data_dir: DataDirectory = DATA_DIR, port: Annotated[int, typer.Option(min=1, max=65535)] = 9092) -> None:
    """Run an Apache Kafka in the foreground. Not while `smsout up` uses the same data directory."""
    run_in_foreground(DataDir(data_dir).open().broker_folder(), port)
