"""`python -I -S tether.py <parent pid> <signal> <command>...`: becomes the command, and ends with its parent.

Linux sends `signal` to this process as soon as its parent is gone, however that ended (prctl(2), PR_SET_PDEATHSIG);
the wish survives exec. Elsewhere the command just runs. A program of its own, because it must run between fork and
exec, where the parent's Python code cannot run safely. It imports nothing but the standard library.

The command is also scheduled as a batch (see agents/runtime.py): the broker, too, works on what has gathered.
"""

import contextlib
import os
import sys

PR_SET_PDEATHSIG = 1
GONE = 69


def main() -> None:
    """Tie this process to its parent and replace it by the command."""
    parent, number, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        import ctypes  # 10 ms that other systems need not pay

        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    if os.getppid() != parent:  # it went before we had asked
        sys.exit(GONE)
    try:
        os.execvp(argv[0], argv)  # noqa: S606  # a shell would be one process too many
    except OSError as error:
        sys.exit(f"cannot run {argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
