"""One message while it is delivered: which segment comes next, and what each one comes to.

For each segment: a durable `submitting` mark, the POST, its outcome. A crash between mark and outcome leaves the
segment in doubt, and the carrier's policy decides; it is never blindly sent again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from agents.delivery.carrier_line import CarrierLine
from pipeline.carriers.decision import Progress, Wait, after_failure, failed, succeeded
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.failpoints import failpoint
from pipeline.journal import Attempt, Place, result_of
from pipeline.kafka.consumer import TrackedConsumer, Work
from pipeline.kafka.directory_view import DirectoryView
from pipeline.kafka.journal import Journal
from pipeline.kafka.producer import OutRecord
from schemas.directory import Carrier, InDoubtPolicy
from schemas.mt_message import MtMessage, Segment
from schemas.status import CodeId, MessageStatus
from schemas.topics import JOURNAL

log = structlog.get_logger(__name__)


class PartitionLost(Exception):
    """The work has gone to another member; whoever has it now goes on with it."""


@dataclass(frozen=True, slots=True)
class Means:
    """What delivering takes. `commit` returns when the broker has the records."""

    view: DirectoryView
    line: CarrierLine
    journal: Journal
    commit: Callable[[Sequence[OutRecord]], Awaitable[None]]
    retry_delays_seconds: tuple[int, ...]


class MessageRun:
    """Sends what is left of one message. `unwritten` are outcomes that go out with whatever is written next."""

    def __init__(
        self, means: Means, consumer: TrackedConsumer, work: Work, message: MtMessage, progress: Progress
    ) -> None:
        self._means = means
        self._consumer = consumer
        self._work = work
        self._message = message
        self._progress = progress
        self._place = Place(work.topic, work.partition, work.offset)
        self._marks = means.journal.state.take(self._place)
        self.unwritten: list[OutRecord] = []

    async def run(self, first_seqnum: int) -> MessageStatus | Wait:
        """Send the segments from `first_seqnum` on; return how it ends. Raises `PartitionLost`."""
        message = self._message
        now = datetime.now(UTC)
        carrier = await self._carrier()
        if carrier is None:
            return failed(message, CodeId.ROUTING_FAILED, "carrier unknown", first_seqnum - 1, now)
        for segment in message.segments[first_seqnum - 1 :]:
            result, now = await self._settle(carrier, segment)
            self._progress = replace(self._progress, in_doubt=False)
            if result.outcome is not Outcome.ACCEPTED:
                log.info(
                    "segment_not_accepted",
                    segment_id=message.segment_id(segment),
                    carrier=carrier.name,
                    attempt=self._progress.attempt,
                    outcome=result.outcome.value,
                    error=result.error,
                )
                return after_failure(
                    message,
                    segment.seqnum,
                    result,
                    carrier.in_doubt_policy,
                    self._progress,
                    self._means.retry_delays_seconds,
                    now,
                )
        return succeeded(message, now, self._progress.possible_duplicate)

    async def _carrier(self) -> Carrier | None:
        directory = self._means.view.directory
        carrier = directory.carrier(self._message.carrier_id)
        if carrier is None:
            # The processor may have read of a new carrier a moment before this process has.
            await self._means.view.catch_up()
            carrier = directory.carrier(self._message.carrier_id)
        return carrier

    async def _settle(self, carrier: Carrier, segment: Segment) -> tuple[AttemptResult, datetime]:
        """Find out what becomes of one segment, and when that was."""
        mark = self._marks.get(self._message.segment_id(segment))
        if mark is not None and (known := result_of(mark)) is not None:
            return known, mark.at  # settled before a restart: what follows comes out the same
        in_doubt = mark is not None or self._progress.in_doubt
        now = datetime.now(UTC)
        if not in_doubt and self._message.is_expired(now):
            return AttemptResult(Outcome.NOT_TAKEN, error="expired"), now
        if carrier.blocked:
            return AttemptResult(Outcome.IN_DOUBT if in_doubt else Outcome.NOT_TAKEN, error="carrier blocked"), now
        result = await self._settle_doubt(carrier, segment) if in_doubt else None
        if result is None:
            result = await self._post(carrier, segment)
        return result, datetime.now(UTC)

    async def _settle_doubt(self, carrier: Carrier, segment: Segment) -> AttemptResult | None:
        """Do what the policy says about a segment that may have been taken; None: post it (again)."""
        match carrier.in_doubt_policy:
            case InDoubtPolicy.GIVE_UP:
                return AttemptResult(Outcome.IN_DOUBT, error="interrupted before its outcome was known")
            case InDoubtPolicy.QUERY:
                result = await self._means.line.query(carrier, self._message, segment)
                return None if result.outcome is Outcome.NOT_TAKEN else result
            case InDoubtPolicy.RESEND:
                self._progress = replace(self._progress, possible_duplicate=True)
                return None
            case InDoubtPolicy.RESEND_WITH_KEY:
                return None

    async def _post(self, carrier: Carrier, segment: Segment) -> AttemptResult:
        attempt = Attempt(self._place, self._message.segment_id(segment), self._progress.attempt, carrier.id)
        await self._means.commit([*self.unwritten, self._record(attempt, attempt.submitting(datetime.now(UTC)))])
        self.unwritten = []
        failpoint("delivery.after_marker")
        if not await self._consumer.still_ours(self._work):
            raise PartitionLost
        result = await self._means.line.post(carrier, self._message, segment)
        failpoint("delivery.after_post")
        self.unwritten = [self._record(attempt, attempt.settled(result, datetime.now(UTC)))]
        return result

    def _record(self, attempt: Attempt, entry: bytes) -> OutRecord:
        return OutRecord(JOURNAL, attempt.segment_id.encode(), entry, partition=self._place.partition)
