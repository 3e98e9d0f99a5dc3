"""`smsout users`: what people who cannot log in need somebody with the server for."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from agents.panel.operations.entries.audit_trail import audit_record
from agents.panel.operations.people.by_email import user_by_email
from agents.panel.operations.people.passwords import generated_password
from agents.panel.security.passwords import Passwords
from pipeline.errors import ConfigurationError, DirectoryInUse
from pipeline.kafka.directory.writer import directory_writer
from pipeline.settings import KafkaSettings
from schemas.directory.audit import AuditEvent
from schemas.directory.people import PanelUser
from schemas.identifiers import uuid7
from schemas.record import OutRecord

app = typer.Typer(help="People who log in to the panel.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="What the person logs in with.")]
TakeOver = Annotated[bool, typer.Option("--take-over", help="Also while a panel runs, which then starts again.")]


@app.callback()
def _users() -> None:
    pass


@app.command("reset")
def reset_command(email: Email, take_over: TakeOver = False) -> None:
    """Give a person a new password, shown once, here; no one-time code is asked for any more."""
    try:
        password = asyncio.run(reset(KafkaSettings(), email, take_over=take_over))
    except DirectoryInUse as error:
        raise DirectoryInUse(f"{error}: reset it in the panel under Users, or say --take-over") from None
    typer.echo(f"New password of {email}, shown only now: {password}")


async def reset(kafka: KafkaSettings, email: str, *, take_over: bool) -> str:
    """Write a new password, with its audit event, and return it. Sessions of the person end.

    Raises `ConfigurationError` when nobody has the address, and what `DirectoryWriter` raises.
    """
    password = generated_password()
    password_hash = await Passwords().hash(password)
    async with directory_writer(kafka, take_over=take_over) as writer:
        user = user_by_email(writer.directory, email)
        if user is None:
            raise ConfigurationError(f"nobody logs in as {email!r}")
        changed = user.model_copy(update={"password_hash": password_hash, "second_factor": None, "invitation": None})
        await writer.write(changed, beside=[_event(user)])
    return password


def _event(user: PanelUser) -> OutRecord:
    event = AuditEvent(
        id=uuid7(),
        at=datetime.now(UTC),
        actor="smsout users reset",
        actor_kind="system",
        account_id=user.account_id,
        action="user.password_reset",
        target=f"paneluser:{user.id}",
        target_name=user.email,
    )
    return audit_record(event)
