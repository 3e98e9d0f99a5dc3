"""deploy/kafka/jars.lock: which jars make the broker, and the checksum of each.

One line per jar: SHA-256 in hex, two spaces, group:artifact:version. `make jars` writes it anew from jars.in, which
names Kafka itself; what is fetched is held to it.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.errors import ConfigurationError

FOLDER: Final = Path(__file__).resolve().parents[3] / "deploy" / "kafka"
ROOTS: Final = FOLDER / "jars.in"
LOCK: Final = FOLDER / "jars.lock"
KAFKA: Final = "org.apache.kafka:kafka_2.13"  # the Scala version that Kafka's own downloads have

_COORDINATE: Final = r"([A-Za-z0-9._-]+):([A-Za-z0-9._-]+):([A-Za-z0-9._-]+)"


@dataclass(frozen=True, slots=True, order=True)
class Coordinate:
    """What names a jar in a Maven repository."""

    group: str
    artifact: str
    version: str

    @property
    def file_name(self) -> str:
        """The jar's name in a repository, and beside the others."""
        return f"{self.artifact}-{self.version}.jar"

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


def read_roots() -> list[Coordinate]:
    """Return what jars.in asks for. Raises `ConfigurationError`."""
    return [Coordinate(*fields) for fields in _lines(ROOTS, _COORDINATE)]


def read_lock() -> dict[Coordinate, str]:
    """Return each jar's SHA-256 in hex. Raises `ConfigurationError`, also outside of a checkout, which has no lock."""
    return {Coordinate(*rest): sha256 for sha256, *rest in _lines(LOCK, rf"([0-9a-f]{{64}})  {_COORDINATE}")}


def write_lock(checksums: Mapping[Coordinate, str]) -> None:
    """Replace the lock, in an order that depends on nothing but the jars."""
    lines = [f"{sha256}  {jar}" for jar, sha256 in sorted(checksums.items())]
    LOCK.write_text("\n".join(["# Written by `make jars` from jars.in.", *lines, ""]))


def digest() -> str:
    """Return what changes whenever the lock does."""
    return hashlib.sha256("".join(f"{sha256} {jar}\n" for jar, sha256 in read_lock().items()).encode()).hexdigest()


def kafka_version() -> str:
    """Return the version of the broker that is locked."""
    for jar in read_lock():
        if f"{jar.group}:{jar.artifact}" == KAFKA:
            return jar.version
    raise ConfigurationError(f"{LOCK} names no {KAFKA}")


def sha256_of(path: Path) -> str:
    """Return the checksum of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lines(path: Path, pattern: str) -> Iterator[tuple[str, ...]]:
    """Yield the groups of `pattern` in each line that is neither empty nor a comment."""
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise ConfigurationError(
            f"a broker of our own is started from a checkout of this project, and {path} is not there"
        ) from error
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#"):
            if (match := re.fullmatch(pattern, line)) is None:
                raise ConfigurationError(f"{path}, line {number}, cannot be read")
            yield match.groups()
