"""What `smsout up` tells: to a person a line an agent and what needs attention, to its log file everything.

The lines that processes write are for whoever looks for a cause, and some of level error are what a start looks like.
"""

import logging
import os
import sys
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from agents.local.console import say
from pipeline.errors import ConfigurationError

MAX_BYTES: Final = 50_000_000
KEPT: Final = 3
"""So many earlier files stay beside the current one."""


class _LogFile(RotatingFileHandler):
    """Says once on the console when lines cannot be written, and goes on when they can: the system is not its log."""

    _failed = _said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        self._failed = False
        super().emit(record)
        self._said = self._failed

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the standard library's name
        """Take the place of a traceback for each line."""
        self._failed = True
        if not self._said:
            say(_as_line("up", f"the log file {self.baseFilename} cannot be written: {sys.exception()}"))


class Reports:
    """The console and the log file of one `smsout up`. With `verbose` the console has everything, too.

    Raises `ConfigurationError` when the file cannot be written.
    """

    def __init__(self, path: Path, *, verbose: bool) -> None:
        self.path = path
        self._verbose = verbose
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)  # names, numbers and addresses are nobody else's business
            self._file = _LogFile(path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"the log file {path} cannot be written: {error}") from error
        self._file.setFormatter(logging.Formatter("%(message)s"))
        self.note("up", f"starts, process {os.getpid()}")

    def event(self, name: str, line: str) -> None:
        """Tell what has become of a process."""
        self.note(name, line)
        say(_as_line(name, line))

    def output(self, name: str, line: str) -> None:
        """Keep a line that a process has written."""
        self.note(name, line)
        if self._verbose:
            say(_as_line(name, line))

    def note(self, name: str, line: str) -> None:
        """Write a line to the file alone."""
        at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
        self._file.handle(logging.LogRecord("up", logging.INFO, "", 0, f"{at} {_as_line(name, line)}", None, None))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _as_line(name: str, line: str) -> str:
    return f"{name:<11} | {line}"
