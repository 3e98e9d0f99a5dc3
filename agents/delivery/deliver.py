"""One record of delivery: read, delivered, and ended by a status, a place in a retry tier or a dead letter.

Marks and statuses are durable before the record is finished; what goes to a retry tier or the dead letters is written
in one transaction with the commit that says it is done here.
"""

from datetime import UTC, datetime

from pydantic import ValidationError

from agents.delivery.message_run import Means, MessageRun, PartitionLost
from pipeline.carriers.decision import Progress, Wait
from pipeline.dead_letters import dead_letter
from pipeline.failpoints import failpoint
from pipeline.kafka.consumer import TrackedConsumer, Work
from pipeline.kafka.producer import OutRecord
from pipeline.metrics import MESSAGES
from pipeline.submitted_record import describe
from schemas.mt_message import MtMessage
from schemas.retry import WaitingMessage
from schemas.status import CodeId
from schemas.topics import SEGMENTED, STATUS

STAGE = "delivery"
IN_DOUBT = "in-doubt"
UNREADABLE = "schema-violation"

_settled = MESSAGES.labels(STAGE, "settled")
_waiting = MESSAGES.labels(STAGE, "waiting")


class Delivery:
    """Delivers messages, one `Work` at a time."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def __call__(self, item: tuple[TrackedConsumer, Work]) -> None:
        """Bring one record to its end, or leave it to its partition's new owner."""
        consumer, work = item
        if not await consumer.may_begin(work):
            return
        try:
            following = await self._deliver(consumer, work)
        except PartitionLost:
            work.tracker.abandon()
            return
        work.tracker.finish(work.offset, following)

    async def _deliver(self, consumer: TrackedConsumer, work: Work) -> list[OutRecord]:
        """Deliver; return what is to be written with the commit."""
        try:
            message, first_seqnum, progress = _read(work)
        except ValidationError as error:
            return [_dead_letter(work, UNREADABLE, describe(error))]
        run = MessageRun(self._means, consumer, work, message, progress)
        outcome = await run.run(first_seqnum)
        if isinstance(outcome, Wait):
            _waiting.inc()
            if run.unwritten:
                await self._means.commit(run.unwritten)
            failpoint("delivery.after_outcome")
            return [OutRecord(outcome.topic, message.destination.encode(), outcome.waiting.to_bytes())]
        _settled.inc()
        await self._means.commit([*run.unwritten, OutRecord(STATUS, message.id.encode(), outcome.to_bytes())])
        failpoint("delivery.after_outcome")
        if outcome.code_id is CodeId.IN_DOUBT:
            return [_dead_letter(work, IN_DOUBT, outcome.reason or IN_DOUBT)]
        return []


def _dead_letter(work: Work, reason: str, detail: str) -> OutRecord:
    return dead_letter(
        work.topic, work.partition, work.offset, work.timestamp_ms, work.key, work.value, work.headers,
        stage=STAGE, reason=reason, detail=detail,
    )  # fmt: skip


def _read(work: Work) -> tuple[MtMessage, int, Progress]:
    """Return the message of a record, the segment to begin with, and how far it has come."""
    value = work.value or b""
    if work.topic == SEGMENTED:
        return MtMessage.from_bytes(value), 1, Progress(attempt=1, first_attempt_at=datetime.now(UTC))
    waiting = WaitingMessage.from_bytes(value)
    progress = Progress(waiting.attempt, waiting.first_attempt_at, waiting.in_doubt, waiting.possible_duplicate)
    return waiting.message, waiting.next_seqnum, progress
