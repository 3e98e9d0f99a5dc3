"""What the command line tools tell a person, on standard output."""

import os
import sys


def say(text: str) -> None:
    """Print a line at once. A reader that has gone away must not take a running system with it."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would fail again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
