"""The delivery journal over thousands of histories in which the process dies, freezes and is replaced at any step."""

from collections.abc import Callable

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from schemas.directory.carrier import InDoubtPolicy
from tests.unit.machines import unprotected
from tests.unit.machines.delivery_world import Behaviour, DeliveryWorld
from tests.unit.machines.history import HistoryMachine, machine_settings

HISTORIES = 120  # of each policy
MACHINE = machine_settings(HISTORIES)


class DeliveryMachine(HistoryMachine):
    """Everything that can happen to delivery; `crash` is a rule like any other."""

    world: DeliveryWorld
    policy: InDoubtPolicy = InDoubtPolicy.GIVE_UP

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.world = DeliveryWorld(self.policy, seed)

    @rule(
        destination=st.integers(0, 1),
        segments=st.integers(1, 3),
        lives=st.sampled_from([60, 3600]),
        has_other=st.booleans(),
    )
    def accept(self, destination: int, segments: int, lives: int, has_other: bool) -> None:
        self.world.accept(destination, segments, lives, has_other=has_other)

    @rule(place=st.integers(0, 3))
    def customer_cancels(self, place: int) -> None:
        self.world.cancel(place)

    @rule(latest=st.integers(1, 3))
    def processor_repeats(self, latest: int) -> None:
        self.world.repeat(latest)

    @rule(behaviours=st.lists(st.sampled_from(Behaviour), max_size=4))
    def carrier_will(self, behaviours: list[Behaviour]) -> None:
        self.world.carrier.script.extend(behaviours)

    @rule(behaviours=st.lists(st.sampled_from(Behaviour), max_size=4))
    def other_carrier_will(self, behaviours: list[Behaviour]) -> None:
        self.world.other.script.extend(behaviours)

    @rule(attempts=st.integers(5, 30))
    def carrier_is_down(self, attempts: int) -> None:
        """So long that what waits for it goes elsewhere."""
        self.world.carrier.script.extend([Behaviour.CANNOT_BE_REACHED] * attempts)

    @rule(answers=st.booleans())
    def carrier_answers_queries(self, answers: bool) -> None:
        self.world.carrier.answers_queries = answers

    @rule()
    def operator_deletes(self) -> None:
        self.world.delete_carrier()

    @rule(blocked=st.booleans())
    def operator_blocks(self, blocked: bool) -> None:
        self.world.route(blocked=blocked)


@pytest.mark.parametrize("policy", InDoubtPolicy)
def test_the_journal_keeps_its_promises_in_every_history(policy: InDoubtPolicy) -> None:
    """No message vanishes, none is sent twice in silence, chains neither fork nor end, whatever the carrier does."""
    machine = type(f"Delivery_{policy.name}", (DeliveryMachine,), {"policy": policy})
    run_state_machine_as_test(machine, settings=MACHINE)


# The machine must be able to fail: protections are taken away in turn, and the histories find what each is for. Those
# that take a certain history to be missed are in test_histories.py.


@pytest.mark.parametrize(
    "sabotage",
    [
        unprotected.outcomes_are_not_written,
    ],
)
def test_without_a_protection_a_history_is_found_that_breaks_a_promise(
    sabotage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle sees the loss, the duplicate or the contradiction that the protection is there to prevent."""
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            DeliveryMachine, settings=settings(MACHINE, max_examples=1500, phases=[Phase.generate])
        )
