"""Kafka's classes, parsed once per machine: a broker starts with half the CPU time (6.5 s of it before, 3.3 s with).

Java's own dynamic class data sharing (JEP 350): a broker that has run once leaves the classes that it used in an
archive, and the next one maps it into memory. The tool that formats its data uses much the same classes and gets by
with two thirds (1.4 s before, 0.9 s with). An archive that does not fit the Java or the jars is ignored by Java.
It builds on the archive of Java's own classes, which most Javas bring; for one that does not it is made too.
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from agents.local.broker.answering import answers_now
from agents.local.broker.java import Java
from agents.local.child import TETHER

WITHIN_SECONDS: Final = 120.0


def archive_path(libs: Path, java: Java) -> Path:
    """Return the archive of these jars under this Java, which may not be there."""
    return libs.parent / f"classes-{hashlib.sha256(java.says.encode()).hexdigest()[:12]}.jsa"


def make(archive: Path, java: Java, command: Sequence[str], environment: Mapping[str, str], port: int) -> None:
    """Run the broker `command` until it answers at `port`, stop it, and keep what it leaves.

    `command` begins with the Java program. Only time depends on an archive: when none can be made, an empty file
    says so, and nobody tries again.
    """
    draft = archive.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(int(signal.SIGKILL)),
         command[0], *_base(archive, java), f"-XX:ArchiveClassesAtExit={draft}", *command[1:]],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + WITHIN_SECONDS
        while process.poll() is None and time.monotonic() < deadline and not answers_now(f"127.0.0.1:{port}"):
            time.sleep(0.1)
        process.terminate()
        process.wait(WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        draft.unlink(missing_ok=True)
    finally:
        process.kill()
        process.wait()
    if not draft.exists():
        draft.touch()
    draft.rename(archive)


def _base(archive: Path, java: Java) -> tuple[str, ...]:
    """Return the option that names Java's own archive, made beside ours; nothing for a Java that has one.

    Ours remembers where it is, so only the making needs the option.
    """
    if "sharing" in java.says:  # the last word of `java -version` when there is one
        return ()
    option = f"-XX:SharedArchiveFile={archive.with_name(f'java-{archive.name}')}"
    subprocess.run(
        [java.command, "-XX:+UseSerialGC", option, "-Xshare:dump"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return (option,)
