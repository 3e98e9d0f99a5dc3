"""What a peer takes, in virtual time."""

import pytest

from pipeline.posting.throughput import FIRST_GUESS_PER_SECOND, QUEUE_SECONDS, Throughput
from tests.unit.pipeline.posting.test_breaker import Clock


def after(*seconds: tuple[int, bool]) -> Throughput:
    """Return a throughput after intervals of a second: how many finished, and whether more was waiting at its end."""
    clock = Clock()
    throughput = Throughput(clock)
    for finished, busy in seconds:
        for _ in range(finished):
            throughput.finished()
        clock.now += 1
        throughput.measure(busy=busy)
    return throughput


@pytest.mark.parametrize(
    ("seconds", "rate"),
    [
        ([], FIRST_GUESS_PER_SECOND),
        ([(3, False), (2, False)], FIRST_GUESS_PER_SECOND),  # little to do says nothing about what it could do
        ([(3, True)], FIRST_GUESS_PER_SECOND),  # busy at the end only
        ([(3, True), (40, True)], 40.0),
        ([(0, True), (40, True), (0, True)], 20.0),
        ([(0, True), (0, True)], 0.0),
        ([(0, True), (40, True), (5, False), (1, False)], 40.0),  # what it could do when it last had to
    ],
)
def test_the_rate_is_measured_while_the_peer_has_more_than_enough_to_do(
    seconds: list[tuple[int, bool]], rate: float
) -> None:
    """Otherwise a quiet hour would look like a slow peer."""
    assert after(*seconds).per_second == rate


def test_what_may_wait_is_what_is_done_soon() -> None:
    """A few seconds' worth, but enough that nothing idles."""
    assert after((0, True), (100, True)).queue(8) == 100 * QUEUE_SECONDS
    assert after((0, True), (0, True)).queue(8) == 16


def test_how_long_a_number_of_them_takes() -> None:
    """By the measured rate; for ever where nothing is taken."""
    assert after((0, True), (100, True)).seconds_for(1000) == 10.0
    assert after((0, True), (0, True)).seconds_for(1) == float("inf")
