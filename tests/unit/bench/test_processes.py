"""What processes cost, and how fast this machine is."""

import os
import subprocess
import sys

from tests.bench.processes import calibration_ms, cpu_seconds, tree, tree_cpu_seconds, tree_resident_mb


def test_cpu_time_is_that_of_the_process_and_its_children() -> None:
    """A child that computes is seen in the tree, and not in the parent alone."""
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(1, flush=True)\nimport sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in tree(os.getpid())
        assert 0.28 <= cpu_seconds(child.pid) < 2
        assert tree_cpu_seconds(os.getpid()) >= cpu_seconds(os.getpid()) + 0.28
        assert 1 < tree_resident_mb(child.pid) < 200


def test_the_calibration_loop_takes_a_plausible_time() -> None:
    """A million additions: between 5 ms and 2 s."""
    assert 5 < calibration_ms() < 2000
