"""How long a fuzz lasts: rounds of hypothesis, each with a seed of its own, until the time is over."""

import os
import time
from collections.abc import Callable
from random import SystemRandom

from hypothesis import HealthCheck, Phase, seed, settings

SETTINGS = settings(
    max_examples=20,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def seconds_for(share: float) -> float:
    """Return how long a test may go on that has this share of a fuzz: FUZZ_SECONDS of the environment, else 60."""
    return float(os.environ.get("FUZZ_SECONDS", "60")) * share


def go_on(test: Callable[[], None], seconds: float) -> int:
    """Call a test of hypothesis again and again; return how often. What fails says its seed and its example."""
    end = time.monotonic() + seconds
    rounds = 0
    while rounds == 0 or time.monotonic() < end:
        number = SystemRandom().randrange(2**32)
        try:
            seed(number)(test)()
        except BaseException as failure:
            failure.add_note(f"seed {number}")
            raise
        rounds += 1
    return rounds
