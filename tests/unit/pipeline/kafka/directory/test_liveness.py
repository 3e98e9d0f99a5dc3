"""Whether the process that claims to write the directory is still there."""

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.kafka.directory.liveness import is_alive_here
from schemas.directory.writer_claim import WriterClaim
from schemas.identifiers import uuid7


def claim(pid: int, *, host: str | None = None, age: timedelta = timedelta(0)) -> WriterClaim:
    return WriterClaim(instance=uuid7(), host=host or socket.gethostname(), pid=pid, since=datetime.now(UTC) - age)


def test_a_process_that_runs_is_alive() -> None:
    """Our parent, which began before the claim."""
    assert is_alive_here(claim(os.getppid()))


def test_about_other_machines_nothing_is_known() -> None:
    """The same number elsewhere is another process."""
    assert not is_alive_here(claim(os.getppid(), host="elsewhere"))


def test_we_do_not_stand_in_our_own_way() -> None:
    """A writer that starts again in the same process takes its own place."""
    assert not is_alive_here(claim(os.getpid()))


def test_a_process_that_has_ended_is_not_alive() -> None:
    """Also while nobody has asked for its exit code."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive_here(claim(child.pid))
    assert not is_alive_here(claim(child.pid))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="when a process began is known on Linux only")
def test_a_number_that_was_given_away_again_is_another_process() -> None:
    """The claim is older than the process."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert is_alive_here(claim(child.pid))
        assert not is_alive_here(claim(child.pid, age=timedelta(hours=1)))
        child.communicate(b"\n")
