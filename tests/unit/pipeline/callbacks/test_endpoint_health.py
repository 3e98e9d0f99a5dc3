"""How an endpoint is, in virtual time."""

import pytest

from pipeline.callbacks.endpoint_health import (
    COME_BACK_PER_SECOND,
    FIRST_IN_FLIGHT,
    KEEP_SECONDS,
    KEEP_WELL_SECONDS,
    PATIENCE_SECONDS,
    EndpointHealth,
    Endpoints,
)
from pipeline.posting.breaker import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, TRIP_AFTER


class Clock:
    """A clock that is told the time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def down(clock: Clock) -> EndpointHealth:
    """Return an endpoint whose breaker has just opened."""
    health = EndpointHealth("https://a.example", clock)
    for _ in range(TRIP_AFTER):
        health.failed(0.01)
    return health


@pytest.mark.parametrize(
    ("answers", "slow"),
    [
        ([0.9] * 100, False),
        ([1.5] * 100, True),
        ([0.01] * 100 + [5.0], False),  # one does not make it slow ...
        ([15.0], True),  # ... but the first time-out does
        ([15.0] * 20 + [0.01] * 10, True),
        ([15.0] * 20 + [0.01] * 40, False),
        ([1.5] * 100 + [0.7] * 100, True),  # between the two bounds it stays what it was
    ],
)
def test_an_endpoint_is_slow_by_the_average_of_its_answers(answers: list[float], slow: bool) -> None:
    """Recent answers count most; from slow back to quick it takes half of what made it slow."""
    health = EndpointHealth("https://a.example", Clock())
    for seconds in answers:
        health.answered(seconds)
    assert health.slow is slow


def test_one_that_hangs_is_slow_before_its_time_out_unless_others_are_answered() -> None:
    """A POST that is lost among many that are answered says nothing about the endpoint."""
    clock = Clock()
    health = EndpointHealth("https://a.example", clock)
    health.answered(0.01)
    clock.now += 1.0
    health.hangs(1.2)
    assert not health.slow
    clock.now += 1.0
    health.hangs(1.9)
    assert health.slow


def test_more_posts_may_be_open_with_every_answer_and_few_after_a_failure() -> None:
    """An endpoint must show that it answers before it gets its share of the workers."""
    health = EndpointHealth("https://a.example", Clock())
    assert health.allowed == FIRST_IN_FLIGHT
    for _ in range(5):
        health.answered(0.01)
    assert health.allowed == FIRST_IN_FLIGHT + 5
    health.failed(0.01)
    assert health.allowed == FIRST_IN_FLIGHT


def test_the_queue_is_as_long_as_the_endpoint_is_quick() -> None:
    """What would wait for longer than 20 seconds is not queued; nothing is, while the breaker is open."""
    health = EndpointHealth("https://a.example", Clock())
    for _ in range(100):
        health.answered(0.01)
    assert 90_000 < health.queue_limit(48) < 100_000
    for _ in range(100):
        health.answered(4.0)
    assert 75 < health.queue_limit(16) <= 80
    assert health.may_queue(70, 16, later=False)
    assert not health.may_queue(90, 16, later=False)
    for _ in range(TRIP_AFTER):
        health.failed(0.01)
    assert not health.may_queue(0, 16, later=True)


def test_the_first_to_be_deferred_in_a_pause_comes_back_when_it_is_over() -> None:
    """So that there is a probe; the others come back spread over time, however many they are."""
    clock = Clock()
    health = down(clock)
    assert health.defer() == (FIRST_PAUSE_SECONDS, True)
    assert health.defer() == (FIRST_PAUSE_SECONDS, False)
    for _ in range(99_998):
        at_least, soon = health.defer()
    assert (at_least, soon) == (100_000 / COME_BACK_PER_SECOND, False)
    clock.now += FIRST_PAUSE_SECONDS
    assert health.admit()
    health.failed(0.01)
    assert health.defer() == (2 * FIRST_PAUSE_SECONDS, True)


def test_every_breaker_gets_a_probe() -> None:
    """From the retries at once; from first attempts too when no retry comes for a while."""
    clock = Clock()
    health = down(clock)
    clock.now += FIRST_PAUSE_SECONDS
    assert (health.may_queue(0, 48, later=True), health.may_queue(0, 48, later=False)) == (True, False)
    clock.now += PATIENCE_SECONDS
    assert health.may_queue(0, 48, later=False)
    assert not health.may_queue(1, 48, later=False)
    assert (health.admit(), health.admit()) == (True, False)
    health.answered(0.01)
    assert (health.closed, health.admit(), health.defer()) == (True, True, (1 / COME_BACK_PER_SECOND, False))


def test_a_pause_that_is_asked_for_is_kept_within_bounds() -> None:
    """One endpoint can keep itself away for five minutes at a time, and not for ever."""
    clock = Clock()
    health = EndpointHealth("https://a.example", clock)
    health.pause(86_400.0)
    assert (health.admit(), health.breaker.seconds_left) == (False, LONGEST_PAUSE_SECONDS)
    clock.now += LONGEST_PAUSE_SECONDS
    assert health.admit()
    health.left()
    assert health.admit()


def test_what_is_well_and_idle_is_forgotten() -> None:
    """And what is not well a good while later: memory does not grow with the number of endpoints that were called."""
    clock = Clock()
    endpoints = Endpoints(clock)
    for number in range(100):
        endpoints.of(f"https://{number}.example").answered(0.01)
    for _ in range(TRIP_AFTER):
        endpoints.of("https://1.example").failed(0.01)
    endpoints.of("https://2.example").hangs(9.0)
    endpoints.of("https://2.example").answered(60.0)
    endpoints.sweep()
    assert (len(endpoints), endpoints.open, endpoints.slow) == (100, 1, 1)
    clock.now += KEEP_WELL_SECONDS
    endpoints.of("https://3.example")
    endpoints.sweep()
    assert len(endpoints) == 3
    assert not endpoints.of("https://1.example").closed
    clock.now += KEEP_SECONDS
    endpoints.sweep()
    assert (len(endpoints), endpoints.open, endpoints.slow) == (0, 0, 0)


def test_there_are_never_more_than_the_maximum_for_long() -> None:
    """A million endpoints in an hour, all down: the ones that were used last stay, and bad ones before good ones."""
    clock = Clock()
    endpoints = Endpoints(clock, max_endpoints=100)
    for number in range(1000):
        clock.now += 0.001
        health = endpoints.of(f"https://{number}.example")
        if number < 950:
            health.pause(300.0)
    assert len(endpoints) <= 201
    endpoints.sweep()
    assert (len(endpoints), endpoints.open) == (100, 100)
