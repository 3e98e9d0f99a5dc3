"""Apache Kafka's own jars, fetched once per machine by Maven from deploy/kafka/pom.xml."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.errors import ConfigurationError

RECIPE: Final = Path(__file__).resolve().parents[3] / "deploy" / "kafka"
POM: Final = RECIPE / "pom.xml"
LOGGING: Final = RECIPE / "log4j2.properties"

_MARK: Final = "fetched-by-smsout"  # holds the pom's digest; without it the folder is somebody else's


def kafka_version() -> str:
    """Return the version that the pom asks for. Raises `ConfigurationError` when there is no pom."""
    if (found := re.search(r"<kafka\.version>(.+?)</kafka\.version>", _pom())) is None:
        raise ConfigurationError(f"{POM} names no kafka.version")
    return found[1]


def default_folder() -> Path:
    """Return where the jars are kept when SMSOUT_KAFKA_LIBS does not say."""
    return Path(".smsout", f"kafka-{kafka_version()}", "libs").absolute()


def present(folder: Path) -> bool:
    """Tell whether `folder` holds the jars that the pom asks for, or a Kafka that somebody has put there."""
    if not any(folder.glob("kafka_2.13-*.jar")):
        return False
    mark = folder / _MARK
    return not (mark.exists() and POM.exists()) or mark.read_text() == _digest()


def are_ours(folder: Path) -> bool:
    """Tell whether we have put the jars there, so that we may keep things beside them."""
    return (folder / _MARK).exists()


def fetch(folder: Path, mvn: str) -> None:
    """Fill `folder` unless it is filled; several processes may ask at once. Raises `ConfigurationError`."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with alone_with(folder):
            if present(folder):
                return
            if folder.exists() and not (folder / _MARK).exists() and any(folder.iterdir()):
                raise ConfigurationError(f"{folder} (SMSOUT_KAFKA_LIBS) holds no Kafka, and it is not ours to fill")
            draft = folder.with_name(f".{folder.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            _copy_dependencies(draft, mvn)
            (draft / _MARK).write_text(_digest())
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
    except OSError as error:
        raise ConfigurationError(f"cannot keep Kafka's jars in {folder} (SMSOUT_KAFKA_LIBS): {error}") from error


def _copy_dependencies(folder: Path, mvn: str) -> None:
    process = subprocess.run(
        [mvn, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", check=False,
    )  # fmt: skip
    if process.returncode != 0 or not any(folder.glob("kafka_2.13-*.jar")):
        lines = [line for line in process.stdout.splitlines() if "ERROR" in line]
        why = lines[0].replace("[ERROR]", "").strip() if lines else f"mvn ended with code {process.returncode}"
        raise ConfigurationError(f"mvn cannot fetch Apache Kafka's jars: {why[:400]}")


@contextmanager
def alone_with(folder: Path) -> Iterator[None]:
    """Let one process at a time work on `folder` and what is beside it."""
    descriptor = os.open(folder.with_name(f".{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _digest() -> str:
    return hashlib.sha256(_pom().encode()).hexdigest()


def _pom() -> str:
    try:
        return POM.read_text()
    except OSError as error:
        raise ConfigurationError(
            f"the broker `apache` is started from a checkout of this project, and {POM} is not there"
        ) from error
