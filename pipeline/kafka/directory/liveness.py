"""Is the process that claims to write the directory still there? Answered for this machine only.

About a process elsewhere nothing can be known; the broker's fencing keeps two writers apart all the same.
"""

import os
import socket
from pathlib import Path

from schemas.directory.writer_claim import WriterClaim


def is_alive_here(claim: WriterClaim) -> bool:
    """Tell whether the claim's process runs on this machine, and is another one than ours."""
    if claim.host != socket.gethostname() or claim.pid == os.getpid():
        return False
    started = _started_at(claim.pid)
    # A process that began after the claim was made has only got its number.
    return started is not None and started <= claim.since.timestamp() + 1


def _started_at(pid: int) -> float | None:
    """Return when a process began, in seconds since 1970; 0 where that cannot be known, None when there is none."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # somebody else's, but there
    try:
        # proc(5): field 22, the second being a name in brackets that may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] == "Z":
            return None
        booted = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
    except (OSError, StopIteration, IndexError):
        return 0.0
    return int(booted.split()[1]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
