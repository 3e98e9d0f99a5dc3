"""What a carrier's answers do to its gate, in virtual time."""

import asyncio
from datetime import UTC, datetime

import pytest

from agents.delivery.gate import Admission, Gate, Gates
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.directory.model import Directory
from pipeline.posting.breaker import FIRST_PAUSE_SECONDS, TRIP_AFTER, BreakerState
from schemas.directory.carrier import Carrier
from schemas.directory.entry import key_of
from tests.unit.pipeline.posting.test_breaker import Clock

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PATIENCE = 10.0

ACCEPTED = AttemptResult(Outcome.ACCEPTED)
REFUSED = AttemptResult(Outcome.REFUSED, error="HTTP 400", status=400)
UNREACHABLE = AttemptResult(Outcome.NOT_TAKEN, error="connection refused")
TIMED_OUT = AttemptResult(Outcome.IN_DOUBT, error="no answer")
BROKEN = AttemptResult(Outcome.IN_DOUBT, error="HTTP 500", status=500)
UNAVAILABLE = AttemptResult(Outcome.NOT_TAKEN, error="HTTP 503", status=503)
TOO_MANY = AttemptResult(Outcome.NOT_TAKEN, error="HTTP 429", status=429)


def new_gate(most: int = 8) -> tuple[Clock, Gate]:
    clock = Clock()
    return clock, Gate(clock, most, PATIENCE)


async def attempt(gate: Gate, result: AttemptResult, *, later: bool = False) -> bool:
    """Make one attempt if it is let in; tell whether it was."""
    admission = await gate.enter(later=later)
    if admission is None:
        return False
    admission.note(result, NOW)
    admission.leave()
    return True


async def opened(gate: Gate, result: AttemptResult = TIMED_OUT) -> None:
    for _ in range(TRIP_AFTER):
        assert await attempt(gate, result)
    assert gate.state is BreakerState.OPEN


@pytest.mark.parametrize("failure", [UNREACHABLE, TIMED_OUT, BROKEN, UNAVAILABLE])
async def test_failures_in_a_row_open_it(failure: AttemptResult) -> None:
    """Down, hanging, broken or overloaded: after some failures nobody is let in."""
    _, gate = new_gate()
    await opened(gate, failure)
    assert not await attempt(gate, ACCEPTED, later=False)
    assert not await attempt(gate, ACCEPTED, later=True)
    assert failure.error is not None
    assert failure.error in gate.deferral().why


@pytest.mark.parametrize("answer", [ACCEPTED, REFUSED])
async def test_a_carrier_that_answers_is_alive(answer: AttemptResult) -> None:
    """A refusal is about the message: it breaks a row of failures like a success."""
    _, gate = new_gate()
    for _ in range(3):
        for _ in range(TRIP_AFTER - 1):
            await attempt(gate, TIMED_OUT)
        await attempt(gate, answer)
    assert gate.state is BreakerState.CLOSED


async def test_throttling_slows_down_before_it_stops() -> None:
    """429: half as much at once, each second; what is refused at the slowest pace counts as a failure."""
    clock, gate = new_gate(8)
    limits = []
    for _ in range(4):
        for _ in range(TRIP_AFTER):
            await attempt(gate, TOO_MANY)
        limits.append((gate.limit, gate.state))
        clock.now += 1
    assert limits == [(4, "closed"), (2, "closed"), (1, "closed"), (1, "open")]


async def test_the_pace_recovers_with_successes() -> None:
    """And takes over what the directory allows."""
    _, gate = new_gate(4)
    await attempt(gate, TOO_MANY)
    assert gate.limit == 2
    for _ in range(8):
        await attempt(gate, ACCEPTED)
    assert gate.limit == 4
    gate.allow(2)
    assert gate.limit == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_a_carrier_that_asks_for_a_pause_gets_it_and_then_anybody_may_try(status: int) -> None:
    """It is alive: when the pause is over a first attempt need not wait for another to probe."""
    clock, gate = new_gate()
    await attempt(gate, AttemptResult(Outcome.NOT_TAKEN, error="busy", status=status, retry_after="7"))
    clock.now += 6.9
    assert not await attempt(gate, ACCEPTED)
    clock.now += 0.2
    assert await attempt(gate, ACCEPTED)
    assert gate.state is BreakerState.CLOSED


async def test_retries_probe_and_first_attempts_do_not() -> None:
    """When the pause is over one retry is let in; what comes of it decides."""
    clock, gate = new_gate()
    await opened(gate)
    clock.now += FIRST_PAUSE_SECONDS
    assert not await attempt(gate, ACCEPTED, later=False)
    probe = await gate.enter(later=True)
    assert probe is not None
    assert await gate.enter(later=True) is None
    probe.note(TIMED_OUT, NOW)
    assert not probe.stands
    probe.leave()
    assert not await attempt(gate, ACCEPTED, later=True)
    clock.now += 2 * FIRST_PAUSE_SECONDS
    assert await attempt(gate, ACCEPTED, later=True)
    assert await attempt(gate, ACCEPTED, later=False)


async def test_a_first_attempt_probes_when_nobody_else_does() -> None:
    """With nothing in the tiers the carrier must not be left alone for ever."""
    clock, gate = new_gate()
    await opened(gate)
    clock.now += 3600  # nothing to send for an hour
    assert not await attempt(gate, ACCEPTED)
    clock.now += PATIENCE - 0.1
    assert not await attempt(gate, ACCEPTED)
    clock.now += 0.2
    assert await attempt(gate, ACCEPTED)
    assert gate.state is BreakerState.CLOSED


async def test_a_probe_that_was_not_made_leaves_the_turn_to_another() -> None:
    """Its partition was lost, or it had nothing to post."""
    clock, gate = new_gate()
    await opened(gate)
    clock.now += FIRST_PAUSE_SECONDS
    probe = await gate.enter(later=True)
    assert probe is not None
    probe.leave()
    probe.leave()
    assert await attempt(gate, ACCEPTED, later=True)


async def test_late_news_neither_closes_nor_settles_a_probe() -> None:
    """Answers to what was sent before it opened say nothing about now."""
    clock, gate = new_gate()
    early = [await gate.enter(later=False) for _ in range(2)]
    await opened(gate)
    clock.now += FIRST_PAUSE_SECONDS
    probe = await gate.enter(later=True)
    assert probe is not None
    for admission, result in zip(early, (ACCEPTED, TIMED_OUT), strict=True):
        assert admission is not None
        admission.note(result, NOW)
        admission.leave()
    assert (gate.state, probe.stands) == (BreakerState.HALF_OPEN, True)
    probe.note(ACCEPTED, NOW)
    assert gate.state is BreakerState.CLOSED


async def test_who_waits_for_a_slot_is_sent_away_when_it_opens() -> None:
    """Nobody waits for POSTs that hang: what waits is moved on at once."""
    _, gate = new_gate(TRIP_AFTER)
    hanging = [await gate.enter(later=False) for _ in range(TRIP_AFTER)]
    waiting = [asyncio.create_task(gate.enter(later=later)) for later in (False, True)]
    await asyncio.sleep(0)
    for admission in hanging:
        assert admission is not None
        admission.note(TIMED_OUT, NOW)
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [None, None]
    assert await gate.enter(later=True) is None


async def test_the_limit_holds_over_first_and_later_attempts() -> None:
    """`max_in_flight` is one bound for both, and a change counts at once."""
    _, gate = new_gate(3)
    inside = [await gate.enter(later=later) for later in (False, True, False)]
    waiting = [asyncio.create_task(gate.enter(later=later)) for later in (True, False, False)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    gate.allow(5)
    await asyncio.sleep(0)
    assert sum(task.done() for task in waiting) == 2
    for admission in inside:
        assert isinstance(admission, Admission)
        admission.leave()
    assert None not in await asyncio.gather(*waiting)


async def test_the_last_probe_is_not_let_in_beside_hanging_posts() -> None:
    """While all places are taken by POSTs that hang, a probe is moved on instead of waiting for one."""
    clock, gate = new_gate(2)
    hanging = [await gate.enter(later=False) for _ in range(2)]
    admission = hanging[0]
    assert admission is not None
    for _ in range(TRIP_AFTER):
        gate.note(admission, TIMED_OUT, NOW)
    clock.now += FIRST_PAUSE_SECONDS
    assert await gate.enter(later=True) is None
    admission.leave()
    assert await gate.enter(later=True) is not None


async def test_what_is_too_much_is_spread_over_the_time_that_all_of_it_takes() -> None:
    """The more has been moved on and not come back, the longer the next may wait."""
    clock, gate = new_gate()
    gate.throughput.measure(busy=True)
    for _ in range(10):
        await attempt(gate, ACCEPTED)
    clock.now += 1
    gate.throughput.measure(busy=True)  # 10 a second
    spread = [gate.deferral() for _ in range(100)]
    assert spread[-1].at_most_seconds == 10.0
    assert len({deferral.turn for deferral in spread}) == 100
    for _ in range(50):
        gate.came_back()
    assert gate.deferral().at_most_seconds == 5.1


async def test_the_more_wait_for_a_carrier_that_is_down_the_longer_they_wait() -> None:
    """Looking after a hundred thousand messages every few seconds would cost more than sending them."""
    _, gate = new_gate()
    await opened(gate)
    deferrals = [gate.deferral() for _ in range(30_000)]
    assert [deferrals[n - 1].at_least_seconds for n in (100, 5_000, 30_000)] == [0.1, 5.0, 30.0]


def test_gates_follow_the_directory() -> None:
    """Bounds are taken over, neighbours counted, and what is gone is told."""
    ids = ["0190f0c0-0000-7000-8000-000000000001", "0190f0c0-0000-7000-8000-000000000002"]
    directory = Directory()
    gates = Gates(directory, Clock(), PATIENCE)
    early = gates.of(ids[0])  # a message can come before its carrier is known here
    assert (early.limit, gates.is_gone(ids[0])) == (1, True)

    def write(carrier: Carrier) -> None:
        directory.apply(key_of(carrier), carrier.to_bytes())

    one = Carrier(id=ids[0], name="one", url="http://one.example/", max_in_flight=7)
    other = Carrier(id=ids[1], name="other", url="http://other.example/", blocked=True)
    write(one)
    write(other)
    gates.update()
    assert (gates.of(ids[0]) is early, early.limit, gates.neighbours) == (True, 7, False)
    write(other.model_copy(update={"blocked": False}))
    write(one.model_copy(update={"max_in_flight": 3}))
    gates.update()
    assert (early.limit, gates.neighbours, gates.is_gone(ids[0])) == (3, True, False)
    directory.apply(key_of(one), None)
    assert gates.is_gone(ids[0])
    gates.forget(ids[0])
    assert gates.of(ids[0]) is not early
