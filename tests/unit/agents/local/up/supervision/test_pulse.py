"""Frozen, hung, or slow: what is concluded from answers and processor time, with the clock in the test's hand."""

import os
import sys
from collections.abc import Callable
from itertools import count

import pytest

from agents.local.up.supervision.pulse import (
    ANSWER_SECONDS,
    ASK_SECONDS,
    READY,
    STARTING,
    Bounds,
    Pulse,
    processor_seconds,
)

MISS_SECONDS = ASK_SECONDS + ANSWER_SECONDS


def killed_after(
    used: Callable[[int], float | None], bounds: Bounds, *, answers: Callable[[int], bool] = lambda _: False
) -> tuple[float, str] | None:
    """Ask for ten minutes; return when the verdict came and what it was."""
    now = 100.0
    pulse = Pulse(now)
    for number in count():
        answered = answers(number)
        now += ASK_SECONDS if answered else MISS_SECONDS
        pulse.note(now, answered=answered, used=None if answered else used(number))
        if (why := pulse.verdict(bounds)) is not None:
            return now - 100.0, why
        if now > 700.0:
            return None
    raise AssertionError


@pytest.mark.parametrize(
    ("bounds", "used", "seconds", "words"),
    [
        (READY, lambda _: 7.0, 12.0, "stood still for 9 s"),  # stopped: the first look only learns what it has used
        (
            READY,
            lambda number: 0.01 * number,
            30.0,
            "did not answer for 30 s",
        ),  # a loop that hangs, or a loaded machine
        (READY, lambda _: None, 30.0, "did not answer for 30 s"),  # where nobody tells the time
        (STARTING, lambda _: 7.0, 63.0, "stood still for 60 s"),
        (STARTING, lambda number: 0.01 * number, 300.0, "did not answer for 300 s"),
    ],
)
def test_who_stands_still_is_killed_soon_and_who_works_late(
    bounds: Bounds, used: Callable[[int], float | None], seconds: float, words: str
) -> None:
    """Several seconds and several questions in any case."""
    assert killed_after(used, bounds) == (seconds, words)


@pytest.mark.parametrize("every", [1, 2])
def test_who_answers_now_and_then_lives(every: int) -> None:
    """A loaded machine: most questions are missed, and processor time is hardly ever had."""
    assert killed_after(lambda _: 7.0, READY, answers=lambda number: number % (every + 1) == every) is None


def test_three_misses_are_silence() -> None:
    """One or two are nothing, however long they took."""
    pulse = Pulse(0.0)
    for number, silent in ((1, False), (2, False), (3, True)):
        pulse.note(number * MISS_SECONDS, answered=False, used=1.0)
        assert pulse.is_silent is silent
    pulse.note(20.0, answered=True, used=None)
    assert not pulse.is_silent


def test_time_in_which_nobody_looked_counts_against_nobody() -> None:
    """The machine slept, or we had no turn ourselves: minutes, with a few questions in between."""
    pulse = Pulse(0.0)
    now = 0.0
    for _ in range(4):
        now += 120.0
        pulse.note(now, answered=False, used=1.0)
    assert pulse.verdict(Bounds(30.0, 30.0)) is None
    assert pulse.verdict(READY) is not None  # four questions that had their time were missed all the same


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_the_processor_time_of_a_process() -> None:
    """Ours grows; of a process that is not there nothing is known."""
    before = processor_seconds(os.getpid())
    assert before is not None
    while (now := processor_seconds(os.getpid())) == before:
        sum(range(100_000))
    assert now is not None
    assert now > before
    assert processor_seconds(2**22 + 1) is None
