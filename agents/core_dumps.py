"""No core dumps: what is in our memory (pepper, password keys, signing secrets, texts) must not land on a disk.

The limit keeps the kernel from writing a file, but not from feeding a program that /proc/sys/kernel/core_pattern
names (core(5)); what that is fed is chosen by /proc/self/coredump_filter, and is left empty. Both are inherited by
children, also across exec, the broker among them. PR_SET_DUMPABLE would do the same for one process only, until its
next exec, and would also take /proc/<pid> and every profiler from the operator whose process it is.
"""

import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

FILTER: Final = Path("/proc/self/coredump_filter")


def forbid() -> None:
    """Forbid them from here on, for this process and its children. Nobody but root can allow them again."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):  # no Linux, or a sandbox without /proc: there the limit has to do
        FILTER.write_text("0")
