"""The whole system as real processes: `smsout up` in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.brokers import apache_or_skip

READY_LIMIT_SECONDS: Final = 150.0  # a machine that runs other tests too; the system itself gives up after 60 s
STOP_LIMIT_SECONDS: Final = 90.0
TAIL_CHARACTERS: Final = 6000

running: dict[int, Path] = {}
"""Log files of the systems that run now, by pid; tests/conftest.py shows their ends when a test fails."""


@contextmanager
def running_system(
    folder: Path, *, environment: Mapping[str, str] | None = None, **options: str
) -> Iterator[dict[str, Any]]:
    """Run `smsout up` with everything it keeps in `folder`; yield its ready file's content.

    `options` are those of the command (`carrier_url="http://..."`, `observe=""` for one without a value). Two keys are
    added: `ready_file`, the path, which is rewritten when an agent is restarted, and `log_file`. A second run in the
    same folder goes on with its data.
    """
    if "SMSOUT_KAFKA_BOOTSTRAP_SERVERS" not in (environment or {}):
        apache_or_skip()
    ready_file, log_file = folder / "ready.json", folder / "up.log"
    folder.mkdir(parents=True, exist_ok=True)
    ready_file.unlink(missing_ok=True)  # of a run that was killed
    arguments = {"ready-file": str(ready_file), "data-dir": str(folder / "data"), "ports": "auto"}
    arguments |= {name.replace("_", "-"): value for name, value in options.items()}
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from agents.commands.cli import main; main()", "up", "--verbose"]
            + [f"--{name}={value}" if value else f"--{name}" for name, value in arguments.items()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
    running[process.pid] = log_file
    try:
        yield _when_ready(process, ready_file, log_file)
        _stop(process, log_file)
    finally:
        running.pop(process.pid, None)
        if process.poll() is None:
            process.kill()  # its children end with it
            process.wait()


def is_alive(pid: int) -> bool:
    """Tell whether there is a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def tail(log_file: Path) -> str:
    """Return the end of a log."""
    return log_file.read_text(errors="replace")[-TAIL_CHARACTERS:]


def _when_ready(process: "subprocess.Popen[bytes]", ready_file: Path, log_file: Path) -> dict[str, Any]:
    deadline = time.monotonic() + READY_LIMIT_SECONDS
    while not ready_file.exists():
        if process.poll() is not None:
            raise AssertionError(f"`smsout up` ended with code {process.returncode}:\n{tail(log_file)}")
        if time.monotonic() > deadline:
            raise AssertionError(f"`smsout up` is not ready after {READY_LIMIT_SECONDS:g} s:\n{tail(log_file)}")
        time.sleep(0.05)
    return {**json.loads(ready_file.read_text()), "ready_file": str(ready_file), "log_file": str(log_file)}


def _stop(process: "subprocess.Popen[bytes]", log_file: Path) -> None:
    if process.poll() is not None:
        raise AssertionError(f"`smsout up` ended by itself with code {process.returncode}:\n{tail(log_file)}")
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(STOP_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"`smsout up` does not stop:\n{tail(log_file)}") from None
    if code != 0:
        raise AssertionError(f"`smsout up` stopped with code {code}:\n{tail(log_file)}")
