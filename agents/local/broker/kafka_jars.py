"""Apache Kafka's own jars, fetched once per machine and held to the checksums of deploy/kafka/jars.lock."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic_settings import BaseSettings, SettingsConfigDict

from agents.local.broker import jar_lock, maven_repository
from pipeline.errors import ConfigurationError

_MARK: Final = "fetched-by-smsout"  # holds the lock's digest; without it the folder is somebody else's


class JarSettings(BaseSettings):
    """Where Kafka's jars are; not needed for a broker that is there already."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_KAFKA_")

    libs: Path | None = None
    """Where they are, or will be put; by default `.smsout/kafka-<version>/libs` where we run."""


def jar_folder() -> Path:
    """Return the folder of Kafka's jars, which may not be there yet. Raises `ConfigurationError` without a lock."""
    libs = JarSettings().libs or Path(".smsout", f"kafka-{jar_lock.kafka_version()}", "libs")
    return libs.absolute()


def present(folder: Path) -> bool:
    """Tell whether `folder` holds the jars that the lock asks for, or a Kafka that somebody has put there."""
    if not any(folder.glob("kafka_2.13-*.jar")):
        return False
    mark = folder / _MARK
    return not (mark.exists() and jar_lock.LOCK.exists()) or mark.read_text() == jar_lock.digest()


def are_ours(folder: Path) -> bool:
    """Tell whether we have put the jars there, so that we may keep things beside them."""
    return (folder / _MARK).exists()


def fetch(folder: Path) -> None:
    """Fill `folder` unless it is filled; several processes may ask at once. Raises `ConfigurationError`."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with alone_with(folder):
            if present(folder):
                return
            if folder.exists() and not (folder / _MARK).exists() and any(folder.iterdir()):
                raise ConfigurationError(f"{folder} (SMSOUT_KAFKA_LIBS) holds no Kafka, and it is not ours to fill")
            draft = folder.with_name(f".{folder.name}.draft")
            cache = folder.with_name(f".{folder.name}.repository")
            for leftover in (draft, cache):
                shutil.rmtree(leftover, ignore_errors=True)
            draft.mkdir()
            try:
                _fill(draft, cache)
            finally:
                shutil.rmtree(cache, ignore_errors=True)
            (draft / _MARK).write_text(jar_lock.digest())
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
    except OSError as error:
        raise ConfigurationError(f"cannot keep Kafka's jars in {folder} (SMSOUT_KAFKA_LIBS): {error}") from error


def _fill(draft: Path, cache: Path) -> None:
    checksums = jar_lock.read_lock()
    for jar, path in maven_repository.download(checksums, cache).items():
        if (found := jar_lock.sha256_of(path)) != checksums[jar]:
            raise ConfigurationError(
                f"{jar} is not the one that {jar_lock.LOCK} asks for: its SHA-256 is {found}, and nothing of it is used"
            )
        path.rename(draft / jar.file_name)


@contextmanager
def alone_with(folder: Path) -> Iterator[None]:
    """Let one process at a time work on `folder` and what is beside it."""
    descriptor = os.open(folder.with_name(f".{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
