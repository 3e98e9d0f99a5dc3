"""`smsout directory`: write a YAML file into the directory, and the directory into a YAML file."""

import asyncio
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pipeline.counted import counted
from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.directory.carrier_secrets import CarrierSealer
from pipeline.directory.credentials import PasswordSealer
from pipeline.errors import ConfigurationError, DirectoryInUse, RuleViolated
from pipeline.kafka.directory.apply import apply_file, export_text
from pipeline.settings import (
    CallbackKeySettings,
    CarrierKeySettings,
    KafkaSettings,
    PanelKeySettings,
    PepperSettings,
)

app = typer.Typer(help="Accounts, numbers, trunks, carriers and routes as a YAML file.", no_args_is_help=True)


File = Annotated[Path, typer.Argument(help="The YAML file.", exists=True, dir_okay=False)]
Prune = Annotated[bool, typer.Option("--prune", help="Delete what is not in the file's lists.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
TakeOver = Annotated[bool, typer.Option("--take-over", help="Also while a panel runs, which then starts again.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write here, readable by you alone.")]
WithoutSecrets = Annotated[bool, typer.Option("--without-secrets", help="For version control; no backup.")]


@app.command("apply")
def apply_command(file: File, prune: Prune = False, dry_run: DryRun = False, take_over: TakeOver = False) -> None:
    """Make the directory what FILE says. New trunks' passwords are shown once, here."""
    pepper = PepperSettings().pepper.get_secret_value().encode()
    sealer = PasswordSealer.from_file(PanelKeySettings().key_file)
    carrier_sealer = CarrierSealer.making(CarrierKeySettings().key_file)
    callback_sealer = CallbackSealer.making(CallbackKeySettings().key_file)
    try:
        report = asyncio.run(
            apply_file(
                file,
                KafkaSettings(),
                pepper,
                sealer,
                carrier_sealer,
                callback_sealer,
                prune=prune,
                dry_run=dry_run,
                take_over=take_over,
            )
        )
    except RuleViolated as error:
        _refuse(file, error.problems)
    except DirectoryInUse as error:
        raise DirectoryInUse(f"{error}: stop the panel first, or say --take-over") from None
    for line in report.summary or ("nothing to change",):
        typer.echo(f"would be: {line}" if dry_run else line)
    if report.purged:
        typer.echo(f"{report.purged} trunks deleted long ago are gone for good")
    if report.issued:
        typer.echo("New credentials, shown only now:")
    for trunk, account_name, password in report.issued:
        username = trunk.credentials[0].username
        typer.echo(f"  {account_name} / {trunk.name}: id {trunk.id}, username {username}, password {password}")


@app.command("export")
def export_command(output: Output = None, without_secrets: WithoutSecrets = False) -> None:
    """Write the directory as a file that `apply` reads. With secrets, unless told otherwise."""
    text = asyncio.run(export_text(KafkaSettings(), with_secrets=not without_secrets))
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        _write_privately(output, text)
    except OSError as error:
        raise ConfigurationError(f"{output} cannot be written: {error}") from error


def _refuse(file: Path, problems: Sequence[tuple[str, str]]) -> None:
    for where, what in problems:
        typer.echo(f"{file}: {where}: {what}", err=True)
    typer.echo(f"smsout: {file} breaks {counted(len(problems), 'rule')}; nothing was changed", err=True)
    raise typer.Exit(1)


def _write_privately(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step, also in place of one that others can read."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
