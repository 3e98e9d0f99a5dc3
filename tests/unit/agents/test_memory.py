"""Memory that a backlog needed for a moment goes back, and what is there for good is not looked at for ever."""

import subprocess
import sys

import pytest

# In a process of its own: what earlier tests have left in the heap would serve the hundred megabytes.
CHILD = """
import gc
from agents import memory
from agents.memory import WORTHWHILE_BYTES, Memory

class Cycle:
    def __init__(self):
        self.itself = self
        self.buffer = bytearray(1_000_000)

gc.disable()
watched = Memory()
before = memory._resident_bytes()
for _ in range(100):
    Cycle()
assert memory._resident_bytes() > before + 90_000_000
watched.give_back()
assert memory._resident_bytes() < before + WORTHWHILE_BYTES
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system how large the process is")
def test_what_dead_cycles_hold_is_given_back() -> None:
    """A hundred of them are no reason for the collector to come by itself, but a hundred megabytes."""
    child = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=60, check=False)
    assert (child.returncode, child.stderr) == (0, "")


PATIENT_CHILD = """
import gc
from agents.memory import collect_seldom

here = [[number] for number in range(200_000)]
collect_seldom()
looks = []
gc.callbacks.append(lambda phase, info: looks.append(info["generation"]) if phase == "start" else None)
more = [[number] for number in range(250_000)]
assert looks == [0, 0], looks
assert len(gc.get_objects()) < 300_000, "what is here for good is among what is looked at"
"""


def test_the_collector_comes_seldom_and_leaves_alone_what_is_here_for_good() -> None:
    """Python's own would have come 358 times, twice of these to all that there is."""
    child = subprocess.run(
        [sys.executable, "-c", PATIENT_CHILD], capture_output=True, text=True, timeout=60, check=False
    )
    assert (child.returncode, child.stderr) == (0, "")
