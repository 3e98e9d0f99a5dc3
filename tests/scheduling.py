"""Which worker runs which tests, and when. Most of them wait for processes more than they compute.

Files go to the workers whole, and those that share a running system to one of them. The last worker takes what computes
and starts next to nothing, leaves more of the processors to the others, and so fills the gaps that they leave. Tests
that want the machine for themselves come last, all on one worker: so nobody waits for anybody before that.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

ALONE: Final = (
    "tests/crash/test_restart.py::",
    "tests/integration/test_callback_neighbours.py::",
    "tests/integration/test_delivery.py::test_a_dead_carrier_delays_no_other",
    "tests/integration/test_panel_api.py::test_a_large_directory",
)
"""What bears the mark `alone`: the scheduler is told nothing but ids."""

SHARING: Final = {
    "shared_system": (
        "tests/e2e/test_callback_",
        "tests/e2e/test_limits.py",
        "tests/e2e/test_panel_",
        "tests/e2e/test_scheduling.py",
        "tests/e2e/test_short_codes.py",
    ),
    "demo_system": (
        "tests/e2e/test_first_message.py",
        "tests/e2e/test_mixed_load.py",
        "tests/e2e/test_restarts.py",
    ),
}
"""How the files begin that share a running system of tests/e2e/conftest.py, by its fixture."""

COMPUTING: Final = ("tests/contract/", "tests/unit/")

LEAVES: Final = 2
"""Niceness (sched(7)): two thirds of what others have while nobody has enough. With less, tests that wait for something
to happen within seconds got no turn for as long as that."""

_LAST_OF_ALL: Final = "alone"


class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # it ships no types
    """Gives each worker the next file of its kind, and those that have none left whatever is left."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ALONE):
            return _LAST_OF_ALL
        file = nodeid.partition("::")[0]
        return next((system for system, files in SHARING.items() if file.startswith(files)), file)

    def _assign_work_unit(self, node: WorkerController) -> None:
        fills = fills_gaps(node.workerinput["workerid"], node.workerinput["workercount"])

        def turn(scope: str) -> int:
            return 2 if scope == _LAST_OF_ALL else scope.startswith(COMPUTING) is not fills

        self.workqueue.move_to_end(min(self.workqueue, key=turn), last=False)
        super()._assign_work_unit(node)


def fills_gaps(worker: str, workers: int) -> bool:
    """Tell whether a worker is the last of several, which computes while the others wait."""
    return workers > 2 and worker == f"gw{workers - 1}"


def leave_more_to_others() -> None:
    """Leave more of the processors to other workers, and to what they start."""
    os.nice(LEAVES)
    with suppress(OSError):  # not Linux, or without autogroups, among which it shares the processors first
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(LEAVES))
