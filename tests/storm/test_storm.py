"""A minute of storm, as `make storm` lets it blow for five."""

from pathlib import Path
from random import SystemRandom

import pytest

from tests.storm.storm import run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]


def test_nothing_is_lost_and_nothing_is_sent_twice_in_silence(tmp_path: Path) -> None:
    """Agents and broker killed, peers failing: all that was accepted is sent once and called back, and soon."""
    seed = SystemRandom().randrange(2**32)
    report = run(tmp_path, seconds=60, seed=seed)
    print(report)
    assert report.went_well, str(report)
    assert report.kills["broker"] >= 1
    assert sum(report.kills.values()) >= 10
    assert len(report.sent.accepted) >= 100
