"""Two versions in turns: ratios by round, and what is shown of them."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.bench.bench import Plan
from tests.bench.system import System
from tests.bench.turns import Turns, run, standing_still, table

# The machine gets slower by half on the way; in each round this version costs a tenth less.
OTHER = [{"rate": 4000.0, "way": cost, "delivery": cost / 2, "panel": 0.0} for cost in (200.0, 240.0, 300.0)]
THIS = [{"rate": 4400.0, "way": it["way"] * 0.9, "delivery": it["way"] * 0.6, "scheduler": 2.0} for it in OTHER]


def test_a_ratio_is_that_of_the_same_round() -> None:
    """Whatever the machine does from one round to the next."""
    turns = Turns(OTHER, THIS)
    assert turns.ratio("way") == pytest.approx(0.9)
    assert turns.ratio("delivery") == pytest.approx(1.2)
    assert turns.ratio("rate") == pytest.approx(1.1)
    odd_round = Turns([*OTHER, {**OTHER[0], "way": 20.0}], [*THIS, THIS[0]])
    assert odd_round.ratio("way") == pytest.approx(0.9)  # one round that is odd changes nothing


def test_what_only_one_of_them_has_is_not_compared() -> None:
    """A process that the other version does not have, or that costs nothing."""
    turns = Turns(OTHER, THIS)
    assert turns.names() == ["rate", "way", "delivery"]
    assert table(turns).split("\n") == [
        "median of 3 rounds           other      this   ratio",
        "rate         messages/s     4000.0    4400.0   1.100",
        "way          us/message      240.0     216.0   0.900",
        "delivery     us/message      120.0     144.0   1.200",
    ]


def test_a_folder_without_a_set_up_checkout_is_named(tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(RuntimeError, match="run `make setup` there"):
        run(tmp_path, 1, Plan(1, 1, 1), tmp_path)


def test_agents_stand_still_for_a_while_and_who_would_start_them_anew_too(tmp_path: Path) -> None:
    """As long as it is measured, and not longer; one that there is not is named before anything stops."""
    up, log, delivery = [subprocess.Popen(["sleep", "30"]) for _ in range(3)]

    def stopped() -> set[subprocess.Popen[bytes]]:
        """Those whose state is T (proc(5))."""
        return {it for it in (up, log, delivery) if Path(f"/proc/{it.pid}/stat").read_text().split()[2] == "T"}

    def wait_until_stopped(*expected: subprocess.Popen[bytes]) -> None:
        """Wait until these are, and no others: a signal takes its time."""
        give_up = time.monotonic() + 20
        while stopped() != {*expected}:
            assert time.monotonic() < give_up
            time.sleep(0.01)

    ready_file = tmp_path / "ready.json"
    ready_file.write_text(json.dumps({"pids": {"message_log": log.pid, "delivery": delivery.pid}}))
    running = System(up.pid, ready_file, 0.0)
    try:
        with pytest.raises(RuntimeError, match="scheduler"), standing_still(running, ["message_log", "scheduler"]):
            pass
        with standing_still(running, ["message_log"]):
            wait_until_stopped(up, log)
        wait_until_stopped()
        with standing_still(running, []):
            time.sleep(0.1)
            assert not stopped()
    finally:
        for it in (up, log, delivery):
            it.kill()
            it.wait()
