"""CPU time and memory of processes, from /proc (proc(5)), and the machine's speed."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
QUIET_CORES: Final = 0.1


def interrupt_nobody() -> None:
    """Have this process scheduled as a batch, so that it does not take the turn of what is measured (Linux)."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def cpu_seconds(pid: int) -> float:
    """Return user and system time of one process so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def children(pid: int) -> list[int]:
    """Return the pids of the direct children of all its threads."""
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def tree(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    return [pid, *(descendant for child in children(pid) for descendant in tree(child))]


def tree_cpu_seconds(pid: int) -> float:
    """Return user and system time of a process and its living descendants."""
    return sum(map(cpu_seconds, tree(pid)))


def resident_mb(pid: int) -> float:
    """Return the resident memory of one process, in MB (10^6 bytes)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def tree_resident_mb(pid: int) -> float:
    """Return the resident memory of a process and its descendants, in MB (10^6 bytes)."""
    return sum(map(resident_mb, tree(pid)))


def command(pid: int) -> str:
    """Return a process's command line."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def busy_seconds() -> float:
    """Return the CPU time that the whole machine has spent on work since it started (without idle and iowait)."""
    fields = [int(field) for field in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS_PER_SECOND


def calibration_ms() -> float:
    """Return how long a fixed loop takes, best of five: what to compare figures of two runs by."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        total = 0
        for number in range(1_000_000):
            total += number
        best = min(best, time.perf_counter() - started)
    return best * 1000


def wait_until_quiet(limit_seconds: float) -> float:
    """Wait until the machine is nearly idle, or for the limit; return how many cores were busy at the end."""
    give_up = time.monotonic() + limit_seconds
    while True:
        before, started = busy_seconds(), time.monotonic()
        time.sleep(1.0)
        cores = (busy_seconds() - before) / (time.monotonic() - started)
        if cores < QUIET_CORES or time.monotonic() > give_up:
            return cores
