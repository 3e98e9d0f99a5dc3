"""Another gateway on the same machine in the same hour, to compare with: Kannel with its spool store.

Needs a folder with the scripts that start and measure it (`run_kannel.sh start|e2e|stop`), and Kannel, h2load and nc
from the distribution. The scripts write beside themselves, so they run in a copy.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

NEEDED: Final = ("bearerbox", "smsbox", "h2load", "nc", "curl")
LIMIT_SECONDS: Final = 900.0


class Peer(NamedTuple):
    """What it carried, messages per second end to end, and the CPU time of its processes per message."""

    name: str
    end_to_end_per_second: float
    cpu_us_per_message: dict[str, float]
    calibration_ms: float


def missing_tools() -> list[str]:
    """Return which of the needed programs are not installed."""
    return [tool for tool in NEEDED if shutil.which(tool) is None]


def measure_kannel(scripts: Path, folder: Path) -> Peer:
    """Measure Kannel. Raises `RuntimeError` when a script fails."""
    copy = folder / "peers"
    shutil.copytree(scripts, copy, symlinks=True)
    for script in copy.iterdir():
        script.chmod(0o700)
    (copy / "venv-ref").symlink_to(sys.prefix)  # all that the scripts want from it is a Python with uvloop
    environment = os.environ | {"STORE": "spool", "CONNS": "64", "RUNS": "3", "NAME": "kannel-spool"}

    def step(name: str) -> None:
        # To files: what `start` leaves running would hold a pipe open.
        with (copy / f"{name}.log").open("wb") as log:
            done = subprocess.run(
                ["bash", str(copy / "run_kannel.sh"), name],
                cwd=copy, env=environment, stdout=log, stderr=log, timeout=LIMIT_SECONDS, check=False,
            )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"run_kannel.sh {name} failed:\n" + (copy / f"{name}.log").read_text()[-2000:])

    try:
        step("start")
        step("e2e")
    finally:
        step("stop")
    runs: list[dict[str, Any]] = [json.loads(line) for line in (copy / "results/kannel.jsonl").read_text().splitlines()]
    quiet = [run for run in runs if not run["noisy"]] or runs
    best = max(quiet, key=lambda run: float(run["e2e_mps"]))
    return Peer("Kannel, spool store", best["e2e_mps"], best["cpu_us_per_msg"], best["calib_ms"])
