"""Who gives way: among processes, and among sessions where Linux shares its cores among these first."""

import subprocess
import sys
from pathlib import Path

import pytest

from agents.priority import BEHIND

LOOK = """
import os
from pathlib import Path
from agents.priority import give_way
before = os.nice(0)
give_way()
group = Path("/proc/self/autogroup")
print(os.nice(0) - before, group.read_text().split()[-1] if group.exists() else "none")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares its cores among sessions")
@pytest.mark.parametrize("own_session", [True, False])
def test_who_gives_way_leaves_the_session_of_others_as_it_is(own_session: bool) -> None:
    """That of `smsout up`'s child is its own; one that was started by hand shares its shell's."""
    # A session of its own in any case, so that the tests' one is not touched.
    argv = [sys.executable, "-c", LOOK]
    if not own_session:
        argv = [sys.executable, "-c", f"import subprocess; subprocess.run({argv!r}, check=True)"]
    found = subprocess.run(argv, capture_output=True, text=True, check=True, start_new_session=True).stdout.split()
    group = Path("/proc/self/autogroup")
    wanted = "none" if not group.exists() else str(BEHIND) if own_session else "0"
    assert found == [str(BEHIND), wanted]
