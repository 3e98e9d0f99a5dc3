"""`python -m tests.crash.sabotaged <agent> <variant>`: an agent that lacks a protection, or stops or dies in a place.

The product has no switch for any of this: the parts are exchanged here, in the test's process.
"""

import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from pipeline.carriers.journal import JournalState
from pipeline.disk import TemporaryDatabase
from pipeline.failpoints import failpoint
from pipeline.http.client import HttpPoster
from pipeline.idempotency.keys import Verdict
from pipeline.kafka.consuming.commits import Commits
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.claims_view import ClaimsView
from pipeline.posting.intake import Intake
from pipeline.receipts.memory import Memory
from pipeline.receipts.roll_up import Step
from pipeline.slot import Slot
from schemas.record import OutRecord
from schemas.topics import CALLBACK_RETRY, DEAD_LETTER_SUFFIX, DEFERRED, JOURNAL, STATUS

VARIANTS: dict[str, Callable[[], None]] = {}
LONGER_THAN_A_COMMIT_SECONDS = 1.5


def variant(change: Callable[[], None]) -> Callable[[], None]:
    """Register a change under its name."""
    VARIANTS[change.__name__] = change
    return change


def signal_ourselves(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


# -- places to die or to be stopped in, for which the product has no name --------------------------------------------


@variant
def dies_half_written() -> None:
    """Of a write of many records only the first half reaches the broker."""
    whole = RecordProducer.write

    async def write(self: RecordProducer, records: Iterable[OutRecord]) -> Any:
        every = list(records)
        await whole(self, every[: len(every) // 2])
        await asyncio.sleep(LONGER_THAN_A_COMMIT_SECONDS)
        signal_ourselves(signal.SIGKILL)

    RecordProducer.write = write  # type: ignore[method-assign]


@variant
def stops_before_it_writes() -> None:
    """The processor is stopped, once, with a record read and nothing of it written."""
    whole = RecordProducer.write
    first = [True]

    async def write(self: RecordProducer, records: Iterable[OutRecord]) -> Any:
        if first:
            first.clear()
            signal_ourselves(signal.SIGSTOP)
        return await whole(self, records)

    RecordProducer.write = write  # type: ignore[method-assign]


@variant
def keeps_little_in_memory() -> None:
    """What waits, or is remembered, is on the disk at once: the product's caches are 16 MB large."""
    begin: Any = TemporaryDatabase.__init__

    def small(self: TemporaryDatabase, tables: Sequence[str], **_: int) -> None:
        begin(self, tables, cache_kib=32)

    TemporaryDatabase.__init__ = small  # type: ignore[method-assign, assignment]


def _stop_at(module: Any, place: str) -> None:
    first = [True]

    def stop(name: str) -> None:
        if first and name == place:
            first.clear()
            signal_ourselves(signal.SIGSTOP)

    module.failpoint = stop


@variant
def stops_before_it_posts() -> None:
    """Delivery is stopped, once, between a mark and its POST."""
    _stop_at(importlib.import_module("agents.delivery.sending"), "delivery.after_marker")


@variant
def stops_after_it_posted() -> None:
    """Delivery is stopped, once, between a POST and its outcome."""
    _stop_at(importlib.import_module("agents.delivery.sending"), "delivery.after_post")


@variant
def stops_after_it_notified() -> None:
    """The callback agent is stopped, once, between an endpoint's answer and what follows from it."""
    _stop_at(importlib.import_module("agents.callback.posting"), "callback.after_post")


@variant
def stops_before_it_gathers() -> None:
    """The roll-up is stopped, once, with a message's end decided and nothing of it written."""
    gather: Any = importlib.import_module("agents.receipts.gather")
    whole = gather.Gatherer._write
    first = [True]

    async def write(self: Any, changes: Any) -> None:
        if first and changes.ended:
            first.clear()
            signal_ourselves(signal.SIGSTOP)
        await whole(self, changes)

    gather.Gatherer._write = write


def _as_it_moves_on(then: Callable[[Any], None]) -> None:
    """Have the callback agent do something as a notification leaves a peer that has been away for a second."""
    peers: Any = importlib.import_module("pipeline.posting.peers.peer")
    peers.WORTH_WAITING_SECONDS = 1.0
    put: Any = Intake._put_to

    def put_to(self: Any, peer: Any, entry: Any) -> None:
        if entry.flow.peer != peer.name:
            then(entry)
        put(self, peer, entry)

    Intake._put_to = put_to  # type: ignore[method-assign]


@variant
def dies_as_it_moves_on() -> None:
    """The callback agent dies as the first notification leaves an endpoint that is away for the failover."""
    _as_it_moves_on(lambda _: signal_ourselves(signal.SIGKILL))


@variant
def dies_told_elsewhere() -> None:
    """The callback agent dies with the failover's 2xx read and nothing committed."""
    _as_it_moves_on(lambda _: None)
    whole = HttpPoster.post

    async def post(self: HttpPoster, *request: Any, **how: Any) -> Any:
        answer = await whole(self, *request, **how)
        signal_ourselves(signal.SIGKILL)
        return answer

    HttpPoster.post = post  # type: ignore[method-assign]


@variant
def dies_before_it_ends_a_release() -> None:
    """The scheduler dies with what leaves written, and its transaction open."""
    hand_off: Any = importlib.import_module("pipeline.kafka.consuming.handoff")
    whole = HandOff.write

    def die(name: str) -> None:
        if name == "handoff.before_commit":
            signal_ourselves(signal.SIGKILL)

    async def write(self: HandOff, partition: int, records: Sequence[OutRecord]) -> None:
        hand_off.failpoint = die
        await whole(self, partition, records)

    HandOff.write = write  # type: ignore[method-assign]


# -- protections taken away ------------------------------------------------------------------------------------------


@variant
def acks_before_its_outputs() -> None:
    """The processor acks what it has only read; it dies, too, with half of its outputs written."""
    process = importlib.import_module("agents.processor.__main__")
    app_module = importlib.import_module("agents.processor.app")
    dies_half_written()

    class Acked:
        async def ack(self, event: Any) -> None:
            """It is acked already."""

    def add_agent(app: Any, intake: "asyncio.Queue[Any]") -> None:
        topic = app.topic(
            app_module.SUBMITTED,
            key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", internal=False,
        )  # fmt: skip

        async def take(stream: Any) -> None:
            manual = stream.noack()
            async for event in manual.events():
                await manual.ack(event)
                await intake.put(app_module.Taken(event, Acked()))

        app.agent(topic, name="processor", concurrency=1)(take)

    process.add_agent = add_agent  # type: ignore[attr-defined]


@variant
def believes_every_origin() -> None:
    """Delivery does not tell a repetition of a restarted processor."""
    consumer: Any = importlib.import_module("pipeline.kafka.consuming.consumer")
    consumer.causation_of = lambda headers: None


@variant
def writes_no_marks() -> None:
    """Delivery posts without a `submitting` mark in the journal."""
    whole = RecordProducer.write

    async def write(self: RecordProducer, records: Iterable[OutRecord]) -> dict[TopicPartition, int]:
        return await whole(self, [it for it in records if not _is_mark(it)])

    RecordProducer.write = write  # type: ignore[method-assign]


def _is_mark(record: OutRecord) -> bool:
    return record.topic == JOURNAL and b'"mark":"submitting"' in (record.value or b"")


@variant
def ignores_the_journal() -> None:
    """Delivery starts as if the journal held nothing."""
    JournalState.apply = lambda *_: None  # type: ignore[method-assign]


@variant
def tells_again() -> None:
    """Delivery does not look for the statuses of what it had begun."""
    JournalState.learn = lambda *_: None  # type: ignore[method-assign]


@variant
def commits_before_the_outcome() -> None:
    """Delivery finishes and commits a record before it is delivered."""
    begin, finish = TrackedConsumer.may_begin, Assignment.finish

    async def may_begin(self: TrackedConsumer, work: Work) -> bool:
        if not await begin(self, work):
            return False
        finish(work.assignment, work.record.offset)
        await self.commit()
        return True

    TrackedConsumer.may_begin = may_begin  # type: ignore[method-assign]
    Assignment.finish = lambda self, offset, outbox=(): None  # type: ignore[method-assign]


@variant
def hands_on_without_a_transaction() -> None:
    """The next tier's record and the commit are written one after the other."""
    commit = HandOff.commit
    producers: list[RecordProducer] = []

    async def in_two_steps(
        self: HandOff, place: TopicPartition, offset: OffsetAndMetadata, records: Sequence[OutRecord]
    ) -> None:
        if not producers:
            producers.append(await RecordProducer(self._kafka, client_id="in-two-steps").start())
        await producers[0].write(records)
        failpoint("handoff.after_produce")
        await commit(self, place, offset, [])

    HandOff.commit = in_two_steps  # type: ignore[method-assign]


@variant
def trusts_its_lease() -> None:
    """Delivery does not ask whether it is still a member; it is stopped, once, between a mark and its POST."""
    stops_before_it_posts()
    Commits.trusted = property(lambda self: True)  # type: ignore[assignment, method-assign]


@variant
def shares_a_slot() -> None:
    """Whoever is started has the identity of the first slot, though its holder lives."""
    Slot.take = classmethod(lambda cls, *_: cls(0, "0" * 32))  # type: ignore[method-assign, assignment]


@variant
def stops_before_it_posts_and_shares_a_slot() -> None:
    """Both: the one that is replaced."""
    stops_before_it_posts()
    shares_a_slot()


@variant
def answers_before_it_is_stored() -> None:
    """Ingress says 201 while the record is on its way, which takes its time."""
    submit_module = importlib.import_module("agents.ingress.submit")
    submit, write = submit_module.Submitter.submit, RecordProducer.write
    running = set()

    async def at_once(self: Any, *arguments: Any, **named: Any) -> None:
        task = asyncio.create_task(submit(self, *arguments, **named))
        running.add(task)

    async def slowly(self: RecordProducer, records: Iterable[OutRecord]) -> Any:
        await asyncio.sleep(5)
        return await write(self, records)

    submit_module.Submitter.submit = at_once
    RecordProducer.write = slowly  # type: ignore[method-assign]


@variant
def forgets_idempotency_keys() -> None:
    """Every submission holds its key."""
    ClaimsView.judge = lambda self, keyed: Verdict.HOLDS  # type: ignore[method-assign]
    ClaimsView.known = lambda self, name, digest: None  # type: ignore[method-assign]


@variant
def finishes_before_it_hands_on() -> None:
    """The callback agent lets a failed attempt be committed, and writes the next tier's record later."""
    finish = Assignment.finish

    def without_outbox(self: Assignment, offset: int, outbox: Iterable[OutRecord] = ()) -> None:
        left_out = [it for it in outbox if it.topic.startswith(CALLBACK_RETRY)]
        finish(self, offset, [it for it in outbox if it not in left_out])
        if left_out:
            asyncio.get_running_loop().call_later(LONGER_THAN_A_COMMIT_SECONDS, failpoint, "sabotaged.before_tier")

    Assignment.finish = without_outbox  # type: ignore[method-assign]


@variant
def counts_attempts_anew() -> None:
    """The callback agent takes what has waited for something that nobody has tried yet."""
    line_up: Any = importlib.import_module("agents.callback.line_up")
    whole = line_up.read

    def read(work: Work) -> Any:
        item = whole(work)
        return item._replace(attempt=1) if isinstance(item, line_up.Notification) else item

    line_up.read = read


@variant
def forgets_what_moves_on() -> None:
    """The callback agent has what leaves for the failover committed before it is told there, and then dies."""

    async def never(*_: Any, **__: Any) -> None:
        await asyncio.get_running_loop().create_future()

    def forget(entry: Any) -> None:
        HttpPoster.post = never  # type: ignore[method-assign, assignment]
        entry.payload.work.begin()
        entry.payload.work.finish()
        asyncio.get_running_loop().call_later(LONGER_THAN_A_COMMIT_SECONDS, signal_ourselves, signal.SIGKILL)

    _as_it_moves_on(forget)


@variant
def skips_the_drain() -> None:
    """Told to stop, it stops."""

    async def drain(self: TrackedConsumer) -> None:
        for assignment in self._commits.assignments.values():
            assignment.closed = True

    TrackedConsumer.drain = drain  # type: ignore[method-assign]


@variant
def drops_dead_letters() -> None:
    """What cannot be processed is passed over."""
    finish, write = Assignment.finish, RecordProducer.write

    def kept(records: Iterable[OutRecord]) -> list[OutRecord]:
        return [it for it in records if not it.topic.endswith(DEAD_LETTER_SUFFIX)]

    Assignment.finish = (  # type: ignore[method-assign]
        lambda self, offset, outbox=(): finish(self, offset, kept(outbox))
    )
    RecordProducer.write = lambda self, records: write(self, kept(records))  # type: ignore[method-assign]


@variant
def forgets_what_it_gathered() -> None:
    """The roll-up starts as if nothing had ever been known, and the life that dies has committed nothing."""
    Memory.read_back = lambda self, records: None  # type: ignore[method-assign]

    async def never(_: TrackedConsumer) -> None:
        await asyncio.Event().wait()

    if os.environ.get("SMSOUT_FAILPOINT"):  # or a status may be committed before its receipts come
        TrackedConsumer.run_commits = never  # type: ignore[method-assign,assignment]


@variant
def tells_outside_of_the_transaction() -> None:
    """Statuses are written by themselves, before what is known from then on."""
    write = HandOff.write
    producers: list[RecordProducer] = []

    async def in_two_steps(self: HandOff, partition: int, records: Sequence[OutRecord]) -> None:
        if not producers:
            producers.append(await RecordProducer(self._kafka, client_id="in-two-steps").start())
        statuses = [it for it in records if it.topic == STATUS]
        await producers[0].write(statuses)
        if statuses:
            failpoint("sabotaged.told")
        await write(self, partition, [it for it in records if it.topic != STATUS])

    HandOff.write = in_two_steps  # type: ignore[method-assign]


@variant
def releases_outside_of_the_transaction() -> None:
    """What leaves the scheduler is written by itself, before it is known that it does not wait any more."""
    _leaves_in_two_steps(lambda record: record.topic != DEFERRED)


@variant
def forgets_before_it_releases() -> None:
    """The scheduler's topic says first that a message does not wait any more, and then it is written."""
    _leaves_in_two_steps(lambda record: record.topic == DEFERRED)


def _leaves_in_two_steps(is_first: Callable[[OutRecord], bool]) -> None:
    write = HandOff.write
    producers: list[RecordProducer] = []

    async def in_two_steps(self: HandOff, partition: int, records: Sequence[OutRecord]) -> None:
        if not producers:
            producers.append(await RecordProducer(self._kafka, client_id="in-two-steps").start())
        await producers[0].write([it for it in records if is_first(it)])
        failpoint("sabotaged.left")
        await write(self, partition, [it for it in records if not is_first(it)])

    HandOff.write = in_two_steps  # type: ignore[method-assign]


@variant
def drops_early_receipts() -> None:
    """A receipt that nobody waits for yet is passed over."""
    gather: Any = importlib.import_module("agents.receipts.gather")
    whole = gather.note_receipt
    gather.note_receipt = lambda known, receipt, patience: (
        Step(None) if known is None else whole(known, receipt, patience)
    )


@variant
def is_not_fenced() -> None:
    """Every life of the roll-up has transactional ids of its own; it is stopped, once, before it writes."""
    stops_before_it_gathers()
    begin = HandOff.__init__

    def alone(self: HandOff, kafka: Any, *, group: str) -> None:
        begin(self, kafka, group=f"{group}-{os.getpid()}")

    HandOff.__init__ = alone  # type: ignore[method-assign]


@variant
def answers_receipts_before_they_are_stored() -> None:
    """Ingress says 200 while the receipt is on its way, which takes its time."""
    writer: Any = importlib.import_module("agents.ingress.writing")
    whole = writer.RecordWriter.write
    running = set()

    async def at_once(self: Any, receipts: Any) -> None:
        async def slowly() -> None:
            await asyncio.sleep(5)
            await whole(self, receipts)

        running.add(asyncio.create_task(slowly()))

    writer.RecordWriter.write = at_once


@variant
def makes_new_webhook_ids() -> None:
    """Every attempt to notify has an id of its own."""
    posting: Any = importlib.import_module("agents.callback.posting")
    signed = posting.signed_headers
    posting.signed_headers = lambda secrets, webhook_id, now, body: signed(secrets, f"{webhook_id}.{now}", now, body)


def main() -> None:
    """Change the agent's parts and run it."""
    agent, name = sys.argv[1:]
    process = importlib.import_module(f"agents.{agent}.__main__")
    VARIANTS[name]()
    process.main()


if __name__ == "__main__":
    main()
