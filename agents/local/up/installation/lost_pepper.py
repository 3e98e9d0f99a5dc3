"""A pepper that is not there: on a fresh machine a new one will do, and anywhere else it has been lost.

What tells the two apart is whether there are passwords that were made with one: a new pepper in its place would turn
them all away, and say nothing.
"""

import asyncio
from pathlib import Path

from pipeline.counted import counted
from pipeline.directory.file.document import DirectoryFile
from pipeline.directory.model import Directory
from pipeline.errors import ConfigurationError
from pipeline.kafka.directory.apply import read_file
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings
from schemas.directory.trunk import Trunk


async def refuse_lost_pepper(pepper_file: Path, kafka: KafkaSettings, directory_file: Path | None) -> None:
    """Return when no password was ever made. Raises `ConfigurationError` that says what to do, when some were."""
    if directory_file is not None:
        file = await asyncio.to_thread(lambda: DirectoryFile.parse(read_file(directory_file)))
        if file.brings_passwords:
            raise ConfigurationError(lost(pepper_file, f"{directory_file} holds passwords that were made with one"))
    view = await DirectoryView(kafka, client_id="up-pepper").start()
    try:
        if (trunks := with_password(view.directory)) > 0:
            what = f"the passwords of {counted(trunks, 'trunk')} were made with it"
            raise ConfigurationError(lost(pepper_file, what))
    finally:
        await view.stop()


def with_password(directory: Directory) -> int:
    """Return how many trunks in service there are: each has a password."""
    return sum(trunk.deleted_at is None for trunk in directory.entries(Trunk))


def lost(pepper_file: Path, why: str) -> str:
    """Return what an operator is told."""
    return (
        f"the pepper file {pepper_file} is missing, and {why}: put it back from its backup, or set SMSOUT_PEPPER to "
        f"what it held. If it is lost for good, write a new one there (umask 077; openssl rand -base64 32 > "
        f"{pepper_file}) and then regenerate the credentials of every trunk in the panel"
    )
