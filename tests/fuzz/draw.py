"""Draws until the time is over, and tries what is drawn on the running pipeline."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.pipeline import running_pipeline
from tests.fuzz.strategies import damages, steps

AT_ONCE: Final = 20
DAMAGE_SECONDS: Final = 25.0
"""What a round of damage takes, in which the broker is stopped and started: it is not begun when less is left."""

_drawn = settings(
    database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False, print_blob=False,
)  # fmt: skip


def fuzz(folder: Path, seconds: float, first_seed: int) -> int:
    """Try what is drawn for `seconds`, from the pipeline's start on; return how many lists of steps were tried.

    The numbers from `first_seed` on decide what is drawn, though not what the machine makes of it.
    """
    end, tried = time.monotonic() + seconds, 0
    with asyncio.Runner() as runner:
        context = running_pipeline(folder)
        pipeline = runner.run(context.__aenter__())
        try:

            def attempt(drawn: list[Any], how: Callable[[list[Any]], Coroutine[Any, Any, None]]) -> None:
                nonlocal tried
                if time.monotonic() < end:
                    runner.run(how(drawn))
                    tried += 1

            number = first_seed
            while time.monotonic() < end:
                print(f"seed {number}", flush=True)
                if time.monotonic() + DAMAGE_SECONDS < end:
                    draw_damage = given(st.lists(damages, min_size=1, max_size=6))(
                        lambda drawn: attempt(drawn, pipeline.try_damage)
                    )
                    seed(number)(settings(_drawn, max_examples=2)(draw_damage))()
                draw_steps = given(st.lists(steps, min_size=1, max_size=6))(
                    lambda drawn: attempt(drawn, pipeline.try_steps)
                )
                seed(number)(settings(_drawn, max_examples=AT_ONCE)(draw_steps))()
                number += 1
            runner.run(pipeline.account())
        finally:
            runner.run(context.__aexit__(None, None, None))
    return tried
