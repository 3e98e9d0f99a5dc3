"""Makes the directory what a YAML file says, and writes it down as one: for the command line and `smsout up`."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.directory.carrier_secrets import CarrierSealer
from pipeline.directory.credentials import PasswordSealer, new_callback_secret, new_password_verifier
from pipeline.directory.file.document import DirectoryFile, export
from pipeline.directory.file.plan import IssuedPassword, Issuer
from pipeline.errors import ConfigurationError, NotAcknowledged
from pipeline.kafka.directory.writer import directory_writer
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings

KEEP_DELETED: Final = timedelta(days=30)
"""Longer than a message can live: its validity and all attempts at its callback take less than a week."""
MAX_FILE_BYTES: Final = 256 * 1024 * 1024


class ApplyReport(NamedTuple):
    """What was done: counts for people, the passwords of new trunks, and how many old deleted trunks are gone."""

    summary: tuple[str, ...]
    issued: tuple[IssuedPassword, ...]
    purged: int


async def apply_file(
    path: Path,
    kafka: KafkaSettings,
    pepper: bytes,
    sealer: PasswordSealer,
    carrier_sealer: CarrierSealer | None = None,
    callback_sealer: CallbackSealer | None = None,
    *,
    prune: bool = False,
    dry_run: bool = False,
    take_over: bool = False,
) -> ApplyReport:
    """Make the directory what the file says; all of it, or nothing.

    A dry run only reads, and takes no other writer's place; nothing else does without `take_over` while that writer
    is alive on this machine. Raises `RuleViolated` with every problem and its line,
    and what `DirectoryWriter` raises.
    """
    content = await asyncio.to_thread(read_file, path)
    file = await asyncio.to_thread(DirectoryFile.parse, content)
    issuer = Issuer(
        lambda trunk_id: new_password_verifier(trunk_id, 1, pepper, sealer), new_callback_secret,
        carrier_sealer, callback_sealer,
    )  # fmt: skip
    now = datetime.now(UTC)
    if dry_run:
        view = await DirectoryView(kafka, client_id="directory-dry-run").start()
        try:
            plan = file.plan(view.directory, issuer, now, prune=prune)
        finally:
            await view.stop()
        return ApplyReport(plan.summary, (), 0)
    async with directory_writer(kafka, take_over=take_over) as writer:
        plan = file.plan(writer.directory, issuer, now, prune=prune)
        try:
            await writer.write(*plan.changes)
        except NotAcknowledged:
            # The same changes once more: what is in force already is left out, so no password is issued in vain.
            await writer.write(*plan.changes)
        purged = await writer.purge(KEEP_DELETED)
    return ApplyReport(plan.summary, plan.issued, purged)


async def export_text(kafka: KafkaSettings, *, with_secrets: bool = True) -> str:
    """Return the directory as YAML."""
    view = await DirectoryView(kafka, client_id="directory-export").start()
    try:
        return export(view.directory, secrets=with_secrets)
    finally:
        await view.stop()


def read_file(path: Path) -> bytes:
    """Return what a file holds. Raises `ConfigurationError` when it cannot be read or is far too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
    return content
