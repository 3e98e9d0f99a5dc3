"""Is a process that does not answer frozen, hung, or only slow because the machine is loaded?

It is asked again and again. One that does not answer and uses no processor time either stands still: it was stopped
(SIGSTOP), or waits for something that does not come. One that works and does not answer may have a long piece of work,
or its turn comes seldom: it has more time, but not for ever. Time in which we were not looking, because the machine
slept or gave us no turn, counts against nobody.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ASK_SECONDS: Final = 1.0
"""Between two questions."""
ANSWER_SECONDS: Final = 2.0
"""How long one answer may take."""
MISSES: Final = 3
"""So many questions in a row without an answer, at least, before any verdict."""
LATE_SECONDS: Final = 1.0
"""What a question and its answers may take beyond that before we were late ourselves."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a process may be silent: without using processor time, and at all."""

    frozen_seconds: float
    hung_seconds: float


STARTING: Final = Bounds(60.0, 300.0)
"""Before it is ready: it loads, and reads what it needs."""
READY: Final = Bounds(8.0, 30.0)


class Pulse:
    """What is known of one life of a process from asking it. Times are those of one clock that only goes forward."""

    def __init__(self, now: float, ask_seconds: float = ASK_SECONDS) -> None:
        self._longest = ask_seconds + 2 * ANSWER_SECONDS + LATE_SECONDS
        self._noted_at = self._answered_at = self._worked_at = now
        self._used: float | None = None
        self._misses = 0

    @property
    def is_silent(self) -> bool:
        """Whether it has not answered for some questions."""
        return self._misses >= MISSES

    def note(self, now: float, *, answered: bool, used: float | None) -> None:
        """Take what came of a question; `used` is the processor time of its life, None when nobody can tell."""
        unwatched = max(0.0, now - self._noted_at - self._longest)
        self._noted_at = now
        self._answered_at += unwatched
        self._worked_at += unwatched
        if answered:
            self._answered_at = now
            self._misses = 0
        else:
            self._misses += 1
        if answered or used is None or used != self._used:
            self._worked_at = now
        self._used = used

    def verdict(self, bounds: Bounds) -> str | None:
        """Return why it is to be killed, None while it is not."""
        if not self.is_silent:
            return None
        silent = self._noted_at - self._answered_at
        still = self._noted_at - self._worked_at
        if still >= bounds.frozen_seconds:
            return f"stood still for {still:.0f} s"
        if silent >= bounds.hung_seconds:
            return f"did not answer for {silent:.0f} s"
        return None


def processor_seconds(pid: int) -> float | None:
    """Return the processor time that a process has used, with all its threads.

    None where the system does not tell, and while it waits for a disk: that is the machine's load, too.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] == "D":
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
