"""One POST for several notifications, and an outcome for each of them."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from standardwebhooks import Webhook

from agents.callback.line_up import Notification, entry_of, read
from agents.callback.reschedule import after_failure
from pipeline.callbacks.batch import id_of
from pipeline.errors import InDoubt
from pipeline.http.client import Answer
from pipeline.kafka.consuming.work import Work
from pipeline.tracing.spans import MESSAGE_ID as MESSAGE_ID_ATTRIBUTE
from pipeline.tracing.spans import Tracing
from schemas.directory.callback_options import CallbackEvent, CallbackOptions
from schemas.directory.entry import key_of
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.messages.callback import AttemptOutcome, CallbackVia
from schemas.messages.status import CodeId, MessageStatus
from schemas.record import InRecord
from schemas.topics import STATUS
from tests.builders import waiting_notification
from tests.fakes.tracer import TracerInMemory
from tests.unit.agents.callback.bench import BEGAN, NOW, SCHEDULE, SECRET, TIER, TRUNK, Bench, status, view_of

TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def batching(**options: Any) -> Trunk:
    return TRUNK.model_copy(update={"callbacks": CallbackOptions(batch=True, **options)})


def new(count: int, **changes: Any) -> list[MessageStatus]:
    return [status(message_id=uuid7(), **changes) for _ in range(count)]


def fresh(statuses: Sequence[MessageStatus]) -> list[tuple[str, bytes]]:
    return [(STATUS, it.to_bytes()) for it in statuses]


def told(bench: Bench) -> list[list[str]]:
    """The ids in each POST, whose signature is right."""
    found = []
    for _, headers, body in bench.endpoint.posted:
        ids = [it["meta"]["webhook_id"] for it in Webhook(SECRET).verify(body, headers)["data"]]
        assert headers["webhook-id"] == id_of(ids)
        found.append(ids)
    return found


def ids_of(statuses: Sequence[MessageStatus]) -> list[str]:
    return [it.webhook_id for it in statuses]


async def test_one_2xx_ends_all() -> None:
    """One POST, signed over its whole body, with an id of its own; an event for each."""
    bench, statuses = Bench(204, view_of(batching(headers={"X-A": "1"}))), new(3)
    await bench.take_together(fresh(statuses))
    assert told(bench) == [ids_of(statuses)]
    [(url, headers, _)] = bench.endpoint.posted
    assert (url, headers["X-A"], headers["content-type"]) == (TRUNK.callback_url, "1", "application/vnd.api+json")
    assert [(it.webhook_id, it.attempt, it.outcome) for it in bench.successes.events] == [
        (it.webhook_id, 1, AttemptOutcome.ACCEPTED) for it in statuses
    ]
    assert (bench.written, bench.failures, bench.tracker.position) == ([], [], 3)


@pytest.mark.parametrize("outcome", [500, 404, InDoubt("timed out")])
async def test_anything_else_is_a_failed_attempt_of_each(outcome: int | Exception) -> None:
    """Each goes on from its own attempt, into its own tier, with its event; the endpoint has failed once."""
    bench, [first, second] = Bench(outcome, view_of(batching())), new(2)
    again = waiting_notification(second, attempt=2, first_attempt_at=BEGAN, due_at=NOW, last_error="x")
    await bench.take_together([*fresh([first]), (TIER, again.to_bytes())])
    assert told(bench) == [ids_of([first, second])]
    assert [(it.status, it.attempt) for it in bench.waiting()] == [(first, 2), (second, 3)]
    assert [it.topic.rpartition(".")[2] for it in bench.written] == ["5s", "30s"]
    assert [(it.webhook_id, it.attempt) for it in bench.failures] == [(first.webhook_id, 1), (second.webhook_id, 2)]
    assert bench.peer.breaker.closed


async def test_retry_after_is_for_all_of_them() -> None:
    """Each waits at least so long, and the endpoint is left alone once."""
    bench = Bench(Answer(503, b"", "20"), view_of(batching()))
    await bench.take_together(fresh(new(3)))
    assert [it.topic.rpartition(".")[2] for it in bench.written] == ["30s"] * 3
    assert bench.peer.breaker.seconds_left == 20


async def test_410_ends_all_of_them_and_everything_after() -> None:
    """As dead letters, which say so."""
    bench = Bench(410, view_of(batching()))
    await bench.take_together(fresh(new(2)))
    await bench.take(STATUS, status().to_bytes())
    assert bench.reasons() == ["endpoint-gone", "endpoint-gone", "endpoint-disabled"]
    assert [it.outcome for it in bench.failures] == [AttemptOutcome.GONE] * 2
    assert len(bench.endpoint.posted) == 1


async def test_what_is_not_wanted_any_more_leaves_the_batch() -> None:
    """By the trunk's choice of this moment; the others are posted."""
    [sent, other], [failed] = new(2), new(1, status="Failed", code_id=CodeId.ALL_ATTEMPTS_FAILED)
    bench = Bench(200, view_of(batching()))
    chosen = batching(events=(CallbackEvent.SENT,))
    await bench.take_together(
        fresh([sent, failed, other]), lambda: bench.view.directory.apply(key_of(chosen), chosen.to_bytes())
    )
    assert told(bench) == [ids_of([sent, other])]
    outcomes = {it.webhook_id: it.outcome for it in bench.successes.events}
    assert outcomes[failed.webhook_id] is AttemptOutcome.FILTERED
    assert bench.tracker.position == 3


async def test_nothing_is_posted_when_nothing_of_it_is_wanted() -> None:
    """All of it has ended."""
    bench, chosen = Bench(200, view_of(batching())), batching(events=(CallbackEvent.NOT_SENT,))
    await bench.take_together(
        fresh(new(2)), lambda: bench.view.directory.apply(key_of(chosen), chosen.to_bytes())
    )  # fmt: skip
    assert (bench.endpoint.posted, bench.tracker.position) == ([], 2)


async def test_one_that_is_there_twice_is_told_once() -> None:
    """Somebody has asked for it again while it waited: both chains end."""
    bench, [one, other] = Bench(200, view_of(batching())), new(2)
    await bench.take_together(fresh([one, other, one]))
    assert told(bench) == [ids_of([one, other])]
    assert sorted(it.webhook_id for it in bench.successes.events) == sorted(ids_of([one, other, one]))
    assert bench.tracker.position == 3


async def test_a_trunk_that_has_gone_back_to_single_ones_gets_single_ones() -> None:
    """What has gathered already waits again, each for itself, and has not been begun."""
    bench, statuses = Bench(200, view_of(batching())), new(2)
    await bench.take_together(
        fresh(statuses), lambda: bench.view.directory.apply(key_of(TRUNK), TRUNK.to_bytes())
    )  # fmt: skip
    assert bench.endpoint.posted == []
    assert [(it.payload.status, it.part) for it in bench.lined_up] == [(it, None) for it in statuses]
    for it in bench.lined_up:
        await bench.notify(it.payload)
    assert [json.loads(body)["data"]["id"] for _, _, body in bench.endpoint.posted] == [
        it.message_id for it in statuses
    ]


async def test_a_trunk_that_has_just_chosen_batches_gets_batches() -> None:
    """Of one: its endpoint need not understand both."""
    bench = Bench(200, view_of(TRUNK))
    item = read(Work(InRecord(STATUS, 3, 0, 0, b"key", status().to_bytes(), ()), bench.tracker))
    assert isinstance(item, Notification)
    bench.tracker.hand_out(0)
    alone = entry_of(item, TRUNK, SCHEDULE)
    bench.view.directory.apply(key_of(batching()), batching().to_bytes())
    await bench.notifier(bench.turn_of(alone))
    assert told(bench) == [[status().webhook_id]]


async def test_messages_urls_and_the_failover_have_batches_too() -> None:
    """With the same secret; the event says which address it was."""
    backup = "https://backup.example/hook"
    bench = Bench(200, view_of(batching(failover_url=backup, failover_after=1)))
    await bench.take_together(fresh(new(2, callback_url="https://tenant.example/x?y")))
    late = [
        (TIER, waiting_notification(it, attempt=2, first_attempt_at=BEGAN, due_at=NOW, last_error="x").to_bytes())
        for it in new(2)
    ]
    await bench.take_together(late)
    assert [url for url, _, _ in bench.endpoint.posted] == ["https://tenant.example/x?y", backup]
    assert [len(it) for it in told(bench)] == [2, 2]
    assert [it.via for it in bench.successes.events] == [CallbackVia.MESSAGE] * 2 + [CallbackVia.FAILOVER] * 2


async def test_what_is_no_longer_ours_is_not_posted() -> None:
    """After a rebalance the others of its partition belong to somebody else."""
    bench = Bench(200, view_of(batching()))

    def lose() -> None:
        bench.tracker.closed = True

    await bench.take_together(fresh(new(2)), lose)
    assert (bench.endpoint.posted, bench.successes.events) == ([], [])


async def test_an_error_of_ours_sets_aside_only_what_it_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on as they should."""
    bench, [first, second, third] = Bench(500, view_of(batching())), new(3)

    def fail_for_one(notification: Notification, *rest: Any) -> Any:
        if notification.status.message_id == second.message_id:
            raise RuntimeError("broken")
        return after_failure(notification, *rest)

    monkeypatch.setattr("agents.callback.outcomes.after_failure", fail_for_one)
    await bench.take_together(fresh([first, second, third]))
    assert [it.status for it in bench.waiting()] == [first, third]
    assert bench.reasons() == ["internal-error"]
    assert bench.tracker.position == 3


async def test_an_error_of_ours_while_posting_sets_all_of_them_aside() -> None:
    """Nothing is known of any of them."""
    bench = Bench(RuntimeError("broken"), view_of(batching()))
    await bench.take_together(fresh(new(2)))
    assert bench.reasons() == ["internal-error"] * 2


async def test_each_of_a_batch_has_its_span_in_its_own_trace() -> None:
    """The POST belongs to none of them alone, so it names none; one that is alone does."""
    tracer = TracerInMemory()
    bench, statuses = Bench(200, view_of(batching()), Tracing(tracer)), new(2)
    await bench.take_together(fresh(statuses), headers=(("traceparent", TRACEPARENT),))
    assert [it.attributes[MESSAGE_ID_ATTRIBUTE] for it in tracer.spans] == [it.message_id for it in statuses]
    await bench.take_together(fresh(new(1)), headers=(("traceparent", TRACEPARENT),))
    (_, several, _), (_, one, _) = bench.endpoint.posted
    assert "traceparent" not in several
    assert one["traceparent"].split("-")[1] == TRACEPARENT.decode().split("-")[1]
