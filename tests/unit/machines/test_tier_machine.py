"""The delay tiers over thousands of histories in which the process dies, freezes and is replaced at any step."""

import time
from itertools import accumulate, pairwise

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from tests.unit.machines.callback_world import CallbackWorld
from tests.unit.machines.history import HistoryMachine, machine_settings

MACHINE = machine_settings(150)
THREE_DAYS = (5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 64_800, 80_635)
CPU_SECONDS = time.process_time  # real ones, though the modules' clock is virtual; other tests have the machine too


class CallbackMachine(HistoryMachine):
    """Everything that can happen to callbacks; `crash` is a rule like any other."""

    world: CallbackWorld

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.world = CallbackWorld(seed)

    @rule()
    def a_message_ends(self) -> None:
        self.world.end_a_message()

    @rule(statuses=st.lists(st.sampled_from([200, 204, 301, 404, 429, 500, 503, 0, None]), max_size=5))
    def endpoint_will(self, statuses: list[int | None]) -> None:
        self.world.script.extend(statuses)

    @rule(seconds=st.sampled_from([-3600.0, -60.0, 60.0]))
    def clock_is_put(self, seconds: float) -> None:
        self.world.put_clock(seconds)

    @rule(status=st.sampled_from([200, 200, 503, None]))
    def endpoint_is(self, status: int | None) -> None:
        self.world.usually = status


class BatchMachine(CallbackMachine):
    """The same for a trunk that has chosen batches; many messages end at once."""

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.world = CallbackWorld(seed, batch=True)

    @rule(count=st.sampled_from([2, 3, 110]))
    def messages_end(self, count: int) -> None:
        for _ in range(count):
            self.world.end_a_message()


def test_the_tiers_keep_their_promises_in_every_history() -> None:
    """No notification vanishes, no chain forks or ends, attempts are unique and none comes before it is due."""
    run_state_machine_as_test(CallbackMachine, settings=MACHINE)


def test_batches_keep_the_same_promises_in_every_history() -> None:
    """For each event of them, whatever else was in its POST; and none is in one POST twice."""
    run_state_machine_as_test(BatchMachine, settings=machine_settings(60))


def test_three_days_of_retries_take_less_than_a_second() -> None:
    """An endpoint that is down for three days: every attempt of the schedule at its time, then a dead letter."""
    began = CPU_SECONDS()
    world = CallbackWorld(seed=1, delays=THREE_DAYS)
    try:
        world.usually = 404  # of the endpoint's own making: it opens no breaker, so nothing is put off
        world.end_a_message()
        world.settle()
        world.check_the_end()
        late = [it.at - at for it, at in zip(world.posted, accumulate((0, *THREE_DAYS)), strict=True)]
        assert min(late) >= 0
        assert max(b - a for a, b in pairwise([0.0, *late])) < 2, "an attempt was late after the one before it"
        assert sum(THREE_DAYS) >= 3 * 86_400
        assert world.letters() == {world.statuses[0].webhook_id}
    finally:
        world.close()
    assert CPU_SECONDS() - began < 1.0
