"""One message while it is delivered: which segment comes next, and what each one comes to.

For each segment: a durable `submitting` mark, the POST, its outcome. A crash between mark and outcome leaves the
segment in doubt, and the carrier's policy decides; it is never blindly sent again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from agents.delivery.carrier_line import CarrierLine
from agents.delivery.gate import Admission
from agents.delivery.read import Reading
from agents.delivery.write import Writer
from pipeline.carriers.decision import Deferral, Success, Wait, after_failure, after_no_attempt, succeeded
from pipeline.carriers.journal import Attempt, result_of
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.failpoints import failpoint
from pipeline.kafka.consuming.journal import Journal
from pipeline.kafka.views.directory_view import DirectoryView
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.mt_message import Segment
from schemas.record import OutRecord
from schemas.status import CodeId, MessageStatus
from schemas.topics import JOURNAL

log = structlog.get_logger(__name__)


class PartitionLost(Exception):
    """The work has gone to another member; whoever has it now goes on with it."""


@dataclass(frozen=True, slots=True)
class Means:
    """What delivering takes."""

    view: DirectoryView
    line: CarrierLine
    journal: Journal
    writer: Writer
    retry_delays_seconds: tuple[int, ...]


class MessageRun:
    """Sends what is left of one message. `unwritten` are outcomes that go out with whatever is written next.

    Without an admission nothing is posted or asked: what is known is settled, and the rest moved on.
    """

    def __init__(self, means: Means, item: Reading, admission: Admission | None) -> None:
        self._means = means
        self._item = item
        self._message = item.message
        self._progress = item.progress
        self._first_seqnum = item.first_seqnum
        self._admission = admission
        self._coordinates = item.work.record.coordinates
        self._posted_again = means.journal.state.posted_again(self._coordinates)
        self._marks = means.journal.state.take(self._coordinates)
        self._marked = bool(self._marks)
        self.unwritten: list[OutRecord] = []

    async def run(self, carrier: Carrier, deferral: Callable[[], Deferral]) -> Success | MessageStatus | Wait:
        """Send the segments that are left; return how it ends. Raises `PartitionLost`.

        `deferral` is asked when one may not be tried.
        """
        message = self._message
        now = datetime.now(UTC)
        for segment in message.segments[self._first_seqnum - 1 :]:
            settled = await self._settle(carrier, segment)
            if settled is None:
                return after_no_attempt(
                    message,
                    segment.seqnum,
                    deferral(),
                    self._progress,
                    self._is_in_doubt(segment),
                    self._means.retry_delays_seconds,
                    datetime.now(UTC),
                )
            result, now = settled
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
            if self._progress.in_doubt:
                self._progress = self._progress._replace(in_doubt=False)
        return succeeded(message, now, self._progress.possible_duplicate)

    def mark_end(self, status: MessageStatus) -> None:
        """Mark that it fails without a POST: marks tell a restart for whose status to look."""
        if not self._marked:
            in_doubt = status.code_id is CodeId.IN_DOUBT
            result = AttemptResult(Outcome.IN_DOUBT if in_doubt else Outcome.NOT_TAKEN, error=status.reason)
            segment_id = self._message.segment_id(self._message.segments[self._first_seqnum - 1])
            attempt = Attempt(self._coordinates, segment_id, self._progress.attempt, self._message.carrier_id)
            self.unwritten = [self._record(attempt, result, status.ended_at)]

    def _is_in_doubt(self, segment: Segment) -> bool:
        return self._progress.in_doubt or self._message.segment_id(segment) in self._marks

    async def _settle(self, carrier: Carrier, segment: Segment) -> tuple[AttemptResult, datetime] | None:
        """Find out what becomes of one segment, and when that was; None when it may not be tried now."""
        segment_id = self._message.segment_id(segment)
        mark = self._marks.get(segment_id)
        in_doubt = mark is not None or self._progress.in_doubt
        if segment_id in self._posted_again:
            self._note_repetition(carrier)  # whatever it comes to now
        if mark is not None and (known := result_of(mark)) is not None:
            if self._progress.in_doubt:
                self._note_repetition(carrier)
            return known, mark.at  # settled before a restart: what follows comes out the same
        now = datetime.now(UTC)
        expired = self._message.is_expired(now)
        if not in_doubt and expired:
            return AttemptResult(Outcome.NOT_TAKEN, error="expired"), now
        if in_doubt and carrier.in_doubt_policy is InDoubtPolicy.GIVE_UP:
            return AttemptResult(Outcome.IN_DOUBT, error="interrupted before its outcome was known"), now
        if expired and carrier.in_doubt_policy is not InDoubtPolicy.QUERY:
            return AttemptResult(Outcome.IN_DOUBT, error="expired"), now
        admission = self._admission
        if admission is None or not admission.stands:
            return None
        result = None
        if in_doubt:
            result = await self._settle_doubt(admission, carrier, segment)
            now = datetime.now(UTC)  # the carrier may have taken its time
            if result is None and self._message.is_expired(now):
                return AttemptResult(Outcome.NOT_TAKEN, error="expired"), now
        if result is None:
            result = await self._post(admission, carrier, segment)
        return result, datetime.now(UTC)

    async def _settle_doubt(self, admission: Admission, carrier: Carrier, segment: Segment) -> AttemptResult | None:
        """Do what the policy says about a segment that may have been taken; None: post it again."""
        self._note_repetition(carrier)
        if carrier.in_doubt_policy is not InDoubtPolicy.QUERY:
            return None
        result = await self._means.line.query(carrier, self._message, segment)
        if result.outcome is Outcome.NOT_TAKEN:
            return None  # an answer, too, but the POST that follows will say how the carrier is
        now = datetime.now(UTC)
        admission.note(result, now)
        if result.outcome is Outcome.ACCEPTED:
            # Durable before the next segment's mark, as a POST's outcome is: only the last one marked can be in doubt.
            self.unwritten = [self._record(self._attempt(carrier, segment), result, now)]
            self._marked = True
        return result

    def _note_repetition(self, carrier: Carrier) -> None:
        """Note that this segment is, or was before a restart, posted although it may have been taken.

        Only the carrier's answer to a question ends the doubt; a second POST that is not taken says nothing about the
        first.
        """
        policy = carrier.in_doubt_policy
        self._progress = self._progress._replace(
            in_doubt=policy is not InDoubtPolicy.QUERY,
            possible_duplicate=self._progress.possible_duplicate or policy is InDoubtPolicy.RESEND,
        )

    async def _post(self, admission: Admission, carrier: Carrier, segment: Segment) -> AttemptResult:
        failpoint("delivery.before_marker")
        attempt = self._attempt(carrier, segment)
        mark = attempt.submitting(datetime.now(UTC))
        await self._means.writer.mark(self._item, [*self.unwritten, self._entry(attempt, mark)])
        self.unwritten = []
        self._marked = True
        failpoint("delivery.after_marker")
        if not await self._item.consumer.still_ours(self._item.work):
            raise PartitionLost
        result = await self._means.line.post(carrier, self._message, segment)
        now = datetime.now(UTC)
        admission.note(result, now)
        failpoint("delivery.after_post")
        self.unwritten = [self._record(attempt, result, now)]
        if self._progress.deferred:
            self._progress = self._progress._replace(deferred=0)
        return result

    def _attempt(self, carrier: Carrier, segment: Segment) -> Attempt:
        return Attempt(self._coordinates, self._message.segment_id(segment), self._progress.attempt, carrier.id)

    def _record(self, attempt: Attempt, result: AttemptResult, at: datetime) -> OutRecord:
        return self._entry(attempt, attempt.settled(result, at))

    def _entry(self, attempt: Attempt, entry: bytes) -> OutRecord:
        return OutRecord(JOURNAL, attempt.segment_id.encode(), entry, partition=self._coordinates.partition)
