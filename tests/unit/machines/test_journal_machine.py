"""The delivery journal over thousands of histories in which the process dies, freezes and is replaced at any step."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from agents.delivery.message_run import MessageRun
from pipeline.carriers.journal import JournalState
from pipeline.kafka.consuming.ack_tracker import AckTracker
from schemas.causation import Causation
from schemas.directory.carrier import InDoubtPolicy
from schemas.record import OutRecord
from tests.unit.machines.broker_in_memory import HandOffEdge, Life, Member
from tests.unit.machines.delivery_world import Behaviour, DeliveryWorld
from tests.unit.machines.history import HistoryMachine, machine_settings

HISTORIES = 400  # of each policy
MACHINE = machine_settings(HISTORIES)


class DeliveryMachine(HistoryMachine):
    """Everything that can happen to delivery; `crash` is a rule like any other."""

    world: DeliveryWorld
    policy: InDoubtPolicy = InDoubtPolicy.GIVE_UP

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.world = DeliveryWorld(self.policy, seed)

    @rule(destination=st.integers(0, 1), segments=st.integers(1, 3), lives=st.sampled_from([60, 3600]))
    def accept(self, destination: int, segments: int, lives: int) -> None:
        self.world.accept(destination, segments, lives)

    @rule(latest=st.integers(1, 3))
    def processor_repeats(self, latest: int) -> None:
        self.world.repeat(latest)

    @rule(behaviours=st.lists(st.sampled_from(Behaviour), max_size=4))
    def carrier_will(self, behaviours: list[Behaviour]) -> None:
        self.world.carrier.script.extend(behaviours)

    @rule(answers=st.booleans())
    def carrier_answers_queries(self, answers: bool) -> None:
        self.world.carrier.answers_queries = answers

    @rule(blocked=st.booleans())
    def operator_blocks(self, blocked: bool) -> None:
        self.world.route(blocked=blocked)

    @rule()
    def a_second_later(self) -> None:
        self.world.look_after()


@pytest.mark.parametrize("policy", InDoubtPolicy)
def test_the_journal_keeps_its_promises_in_every_history(policy: InDoubtPolicy) -> None:
    """No message vanishes, none is sent twice in silence, chains neither fork nor end, whatever the carrier does."""
    machine = type(f"Delivery_{policy.name}", (DeliveryMachine,), {"policy": policy})
    run_state_machine_as_test(machine, settings=MACHINE)


# The machine must be able to fail: each protection is taken away in turn, and the histories find what it is for.


def _marks_are_not_durable(patch: pytest.MonkeyPatch) -> None:
    write = Life.write

    async def without_marks(life: Life, records: Iterable[OutRecord]) -> dict[tuple[str, int], int]:
        return await write(life, [it for it in records if b'"mark":"submitting"' not in (it.value or b"")])

    patch.setattr(Life, "write", without_marks)


def _outcomes_are_not_written(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MessageRun, "_record", lambda run, attempt, _result, at: run._entry(attempt, attempt.submitting(at)))


def _the_commit_comes_before_the_work(patch: pytest.MonkeyPatch) -> None:
    hand_out = AckTracker.hand_out

    def finished_at_once(tracker: AckTracker, offset: int) -> None:
        hand_out(tracker, offset)
        tracker.position = offset + 1

    patch.setattr(AckTracker, "hand_out", finished_at_once)


def _the_next_tier_is_not_in_the_transaction(patch: pytest.MonkeyPatch) -> None:
    async def apart(edge: HandOffEdge, place: TopicPartition, offset: OffsetAndMetadata, records: Any) -> None:
        await edge.life.write(records)
        for _ in range(8):  # whoever does two things one after the other may be interrupted for any time
            await edge.life.breathe()
        edge.life.broker.committed[place.topic] = offset

    patch.setattr(HandOffEdge, "commit", apart)


def _doubt_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JournalState, "apply", lambda *_: None)


def _repetitions_are_not_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Causation, "repeats", lambda *_: False)


def _membership_is_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    async def always(*_: object) -> bool:
        return True

    patch.setattr(Member, "is_member", always)


@pytest.mark.parametrize(
    "sabotage",
    [
        _marks_are_not_durable,
        _outcomes_are_not_written,
        _the_commit_comes_before_the_work,
        _the_next_tier_is_not_in_the_transaction,
        _doubt_is_forgotten,
        _repetitions_are_not_told,
        _membership_is_not_asked_for,
    ],
)
def test_without_a_protection_a_history_is_found_that_breaks_a_promise(
    sabotage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle sees the loss, the duplicate or the contradiction that the protection is there to prevent."""
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            DeliveryMachine, settings=settings(MACHINE, max_examples=1000, phases=[Phase.generate])
        )
