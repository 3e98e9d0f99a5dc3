"""Who has how much of a full machine. While a core is idle none of it changes anything."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

BEHIND: Final = 3
"""Half of what others have, about (sched(7): a tenth for each step of niceness)."""

_AUTOGROUP: Final = Path("/proc/self/autogroup")


def work_in_batches() -> None:
    """Ask the system not to interrupt others whenever something arrives for us (Linux, SCHED_BATCH).

    Under load more has gathered when our turn comes, and caches stay warm: a tenth of the CPU per message.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def give_way() -> None:
    """Leave more to the others: to those who work on what was accepted, when it is ingress that gives way.

    Else the one that everybody calls takes what it can get, and what it has accepted waits for seconds. The agents of
    `smsout up` are sessions of their own, among which Linux shares the cores first (sched(7), autogroups): that of a
    session that is not ours alone is left as it is.
    """
    os.nice(BEHIND)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # not Linux, or without autogroups
            _AUTOGROUP.write_text(str(BEHIND))
