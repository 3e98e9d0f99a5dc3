"""Workers of one run share the machine; a test that holds something to a time must have it for itself.

Tests that bear the mark `alone` take the machine exclusively, all others share it. The locks are files of this folder,
which every worker has: no name to agree on, nothing to clean up after a kill.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

TURNSTILE: Final = Path(__file__).with_name("__init__.py")
"""Everybody passes it on the way in, and who wants to be alone stands in it: later ones cannot overtake."""

MACHINE: Final = Path(__file__)


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait for a turn on this machine, alone or beside others, and keep it."""
    with MACHINE.open() as machine:
        with TURNSTILE.open() as turnstile:
            _lock(turnstile, fcntl.LOCK_EX)
            _lock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield  # closing a file unlocks it


def _lock(file: IO[str], how: int) -> None:
    fcntl.flock(file.fileno(), how)
