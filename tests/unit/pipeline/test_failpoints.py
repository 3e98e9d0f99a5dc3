"""A failpoint kills at the n-th pass, and without the setting it is nothing."""

import os
import signal
import subprocess
import sys

import pytest

from pipeline import failpoints

PROGRAM = """
from pipeline.failpoints import failpoint
for n in range(1, 6):
    print(n, flush=True)
    failpoint("here")
    failpoint("elsewhere")
"""


@pytest.mark.parametrize(
    ("setting", "passes", "code"),
    [
        (None, 5, 0),
        ("", 5, 0),
        ("here:1", 1, -signal.SIGKILL),
        ("here", 1, -signal.SIGKILL),
        ("here:3", 3, -signal.SIGKILL),
        ("elsewhere:5", 5, -signal.SIGKILL),
        ("here:6", 5, 0),
        ("nowhere:1", 5, 0),
        ("her:1", 5, 0),
    ],
)
def test_the_process_is_killed_at_the_nth_pass_of_its_place(setting: str | None, passes: int, code: int) -> None:
    """As by a power cut: nothing after it runs."""
    environment = {key: value for key, value in os.environ.items() if key != "SMSOUT_FAILPOINT"}
    if setting is not None:
        environment["SMSOUT_FAILPOINT"] = setting
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, timeout=60, check=False
    )
    assert (done.stdout.split(), done.returncode) == ([b"%d" % n for n in range(1, passes + 1)], code)


def test_without_the_setting_there_is_nothing_to_do() -> None:
    """No look-up, no comparison: the product does not pay for its tests."""
    assert failpoints.failpoint is failpoints._pass
