"""What nobody has thought of: after each draw a good message gets through, and the books are right."""

import time
from pathlib import Path

import pytest

from tests.fuzz.draw import fuzz
from tests.fuzz.rounds import seconds_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(7200)]


def test_nothing_that_lies_in_the_topic_stops_anybody(tmp_path: Path) -> None:
    """Each run draws something else; the number that it was drawn from is in the output."""
    assert fuzz(tmp_path, seconds_for(0.85), int(time.time())) > 3
