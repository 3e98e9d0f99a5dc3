"""Protections of delivery and its consumers, each taken away: what the histories must then find."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.delivery import app, deliver, line_up
from agents.delivery.sending import Sending
from pipeline.carriers.decision import Stop, decide
from pipeline.carriers.journal import Attempt, JournalState
from pipeline.carriers.outcome import Outcome
from pipeline.kafka.admin.positions import require_positions
from pipeline.kafka.consuming import retry_tiers
from pipeline.kafka.consuming.commits import Commits
from pipeline.kafka.consuming.partition.ack_tracker import AckTracker
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.pauses import WaitSeconds
from pipeline.kafka.consuming.rebalances import Rebalances
from pipeline.slot import Slot
from schemas.directory.carrier import Carrier
from schemas.headers.causation import Causation
from schemas.messages.mt_message import MtMessage
from schemas.record import OutRecord
from schemas.topics import JOURNAL
from tests.fakes.broker import Life
from tests.fakes.kafka_edges import HandOffEdge
from tests.fakes.virtual_time import CLOCK


def marks_are_not_durable(patch: pytest.MonkeyPatch) -> None:
    write = Life.write

    async def without_marks(life: Life, records: Iterable[OutRecord]) -> Mapping[tuple[str, int], int]:
        return await write(life, [it for it in records if b'"mark":"submitting"' not in (it.value or b"")])

    patch.setattr(Life, "write", without_marks)


def outcomes_are_not_written(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Attempt, "settled", lambda it, _result, at: it.submitting(at))


def the_commit_comes_before_the_work(patch: pytest.MonkeyPatch) -> None:
    hand_out = AckTracker.hand_out

    def finished_at_once(tracker: AckTracker, offset: int) -> None:
        hand_out(tracker, offset)
        tracker.position = offset + 1

    patch.setattr(AckTracker, "hand_out", finished_at_once)


def the_next_tier_is_not_in_the_transaction(patch: pytest.MonkeyPatch) -> None:
    async def apart(edge: HandOffEdge, place: TopicPartition, offset: OffsetAndMetadata, records: Any) -> None:
        await edge.life.write(records)
        for _ in range(8):  # whoever does two things one after the other may be interrupted for any time
            await edge.life.breathe()
        edge.life.broker.committed[place.topic] = offset

    patch.setattr(HandOffEdge, "commit", apart)


def doubt_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JournalState, "apply", lambda *_: None)


def repetitions_are_not_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Causation, "repeats", lambda *_: False)


def membership_is_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Commits, "trusted", True)


def whoever_is_started_has_the_same_slot(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Slot, "take", lambda *_: Slot(0, "0" * 32))


def a_group_without_offsets_is_new(patch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> None:
        """Whatever shows that it has worked."""

    patch.setattr(app, "require_positions", never)


def only_marks_show_that_a_group_has_worked(patch: pytest.MonkeyPatch) -> None:
    async def of_marks(kafka: Any, groups: Any, **_: Any) -> None:
        await require_positions(kafka, groups, worked_if=[JOURNAL])

    patch.setattr(app, "require_positions", of_marks)


def what_was_to_be_handed_on_is_passed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Commits, "_hand_on", lambda _, hand_off, *what: hand_off.commit(*what))


def a_failed_rebalance_is_only_logged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Rebalances, "_fail", lambda *_: None)


def what_hangs_is_not_lost_with_its_partition(patch: pytest.MonkeyPatch) -> None:
    lose = Assignment.lose

    def unless_leaving(it: Assignment) -> None:
        if not it.closed:
            lose(it)

    patch.setattr(Assignment, "lose", unless_leaving)


def trust_counts_from_the_end_of_taking_over(patch: pytest.MonkeyPatch) -> None:
    begin = Commits.begin

    async def trusted(_: Commits) -> bool:
        return True

    patch.setattr(Commits, "begin", lambda it, committed, before, _: begin(it, committed, before, CLOCK.seconds()))
    patch.setattr(Commits, "confirm_anew", trusted)


def a_refusal_ends_doubt(patch: pytest.MonkeyPatch) -> None:
    def forgetful(message: MtMessage, stop: Stop, *more: Any) -> Any:
        if stop.result is not None and stop.result.outcome is Outcome.REFUSED:
            stop = stop._replace(progress=stop.progress._replace(in_doubt=False))
        return decide(message, stop, *more)

    patch.setattr(deliver, "decide", forgetful)


def doubt_goes_to_the_next_carrier(patch: pytest.MonkeyPatch) -> None:
    def onward(message: MtMessage, stop: Stop, *more: Any) -> Any:
        if stop.result is not None and stop.result.outcome is Outcome.IN_DOUBT and message.alternatives is not None:
            stop = stop._replace(result=stop.result._replace(outcome=Outcome.NOT_TAKEN))
        return decide(message, stop, *more)

    patch.setattr(deliver, "decide", onward)


def the_rest_of_a_message_goes_to_the_next_carrier(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(line_up, "_takers", lambda reading: reading.message.carriers)


def marks_do_not_say_whose_they_are(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JournalState, "carrier_of", lambda *_: None)


def a_deleted_carrier_has_taken_nothing(patch: pytest.MonkeyPatch) -> None:
    run = Sending.run

    async def knows_nothing(it: Sending, carrier: Carrier | None) -> Any:
        if carrier is None:
            it.marks.earlier, it._progress = {}, it._progress._replace(in_doubt=False)
        return await run(it, carrier)

    patch.setattr(Sending, "run", knows_nothing)


def each_record_of_a_tier_is_judged_by_itself(patch: pytest.MonkeyPatch) -> None:
    wait_in = retry_tiers.wait_in

    def without_a_memory(tiers: dict[str, int]) -> WaitSeconds:
        return lambda topic, value: wait_in(tiers)(topic, value)

    patch.setattr(retry_tiers, "wait_in", without_a_memory)
