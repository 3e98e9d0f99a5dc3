"""When a process looks for what is dead, and how it gives memory back to the system.

What a backlog needed for a moment must not stay the process's size.

Two things keep it otherwise. Some of the few cycles that are left behind hold what a whole fetch has brought, a
megabyte each, and the collector, which counts objects, finds nothing to do. And buffers of that size lie in glibc's
heap among small objects that outlive them: it grows by what is between and never shrinks by itself.
"""

import ctypes
import gc
import os
from pathlib import Path
from typing import Final

WORTHWHILE_BYTES: Final = 32_000_000  # less growth than this is not worth a walk through the heap

COLLECT_AFTER: Final = (100_000, 50, 100)
"""New objects, and how many times as many of those that have outlived one and two collections."""

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_STATM: Final = Path("/proc/self/statm")
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, others do without


def collect_seldom() -> None:
    """Look for cycles seldom from now on, and never among what is here already.

    Every message makes thousands of short-lived objects and no cycles.
    """
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


class Memory:
    """What this process has of the system's memory, watched from where it is made.

    `generation` is how old what is dead may be: 2 finds what was at work at an earlier look too, and takes longer.
    """

    def __init__(self, generation: int = 1) -> None:
        self._generation = generation
        self._least_bytes = _resident_bytes()

    def give_back(self) -> None:
        """If it has grown, free what is dead, and let go of what the heap does not use.

        Cheap enough to be called several times a second: a fast backlog brings a hundred megabytes in one.
        """
        resident_bytes = _resident_bytes()
        if resident_bytes > self._least_bytes + WORTHWHILE_BYTES:
            gc.collect(self._generation)
            if _trim is not None:
                _trim(0)
            self._least_bytes = _resident_bytes()
        self._least_bytes = min(self._least_bytes, resident_bytes)


def _resident_bytes() -> int:
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE_BYTES
    except OSError:  # no Linux
        return 0
