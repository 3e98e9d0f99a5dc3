"""One message on its way to the carrier: which segment comes next, and what each one comes to.

For each segment, or for the whole text where the carrier takes those (its marks are the first segment's): a durable
`submitting` mark, the POST, its outcome. A crash between mark and outcome leaves it in doubt, and the carrier's policy
decides; it is never blindly sent again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from agents.delivery.carrier_line import CarrierLine, Leave
from agents.delivery.line_up import Reading
from agents.delivery.write import OutcomeWriter
from pipeline.carriers.decision import Progress, Stop
from pipeline.carriers.journal import Attempt, JournalState, result_of
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.failpoints import failpoint
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.dlr import ExpectedReceipt, carrier_key
from schemas.mt_message import Segment
from schemas.record import OutRecord
from schemas.status import CodeId, MessageStatus
from schemas.topics import DLR_EXPECTED, JOURNAL

log = structlog.get_logger(__name__)


class PartitionLost(Exception):
    """The work has gone to another member; whoever has it now goes on with it."""


class Sent(NamedTuple):
    """All segments were accepted, the last one `at` that time."""

    at: datetime
    progress: Progress


def policy_of(carrier: Carrier | None) -> InDoubtPolicy:
    """Return what may be done about doubt at a carrier; nothing at one that is gone."""
    return InDoubtPolicy.GIVE_UP if carrier is None else carrier.in_doubt_policy


class Sending:
    """Sends what is left of one message. `unwritten` are outcomes that go out with whatever is written next.

    Without leave nothing is posted or asked: what is known is settled.
    """

    def __init__(
        self, item: Reading, leave: Leave | None, journal: JournalState, line: CarrierLine, writer: OutcomeWriter
    ) -> None:
        self._item = item
        self._message = item.message
        self._progress = item.progress
        self._leave = leave
        self._line = line
        self._writer = writer
        self._coordinates = item.work.record.coordinates
        self._posted_again = journal.posted_again(self._coordinates)
        self._marks = journal.take(self._coordinates)
        self._marked = bool(self._marks)
        self.whole = False
        """Whether the message goes out by one POST, though it has several segments."""
        self._as_begun = True
        self._seqnum = item.first_seqnum
        self._posting = False
        self.unwritten: list[OutRecord] = []

    def broken_off(self) -> Stop:
        """Say where it stands after an error of ours: in doubt, if a POST may have gone out and nobody knows."""
        in_doubt = self._posting or self._progress.in_doubt or bool(self._marks)
        return Stop(self._seqnum, None, datetime.now(UTC), self._progress._replace(in_doubt=in_doubt))

    async def run(self, carrier: Carrier | None) -> Sent | Stop:
        """Send the segments that are left; say where it stopped, if it did. Raises `PartitionLost`.

        Without a carrier, because it has been deleted, what is known is settled and the rest refused, or not taken
        where another carrier may have it.
        """
        message = self._message
        now = datetime.now(UTC)
        for segment in self._units(carrier):
            self._seqnum = segment.seqnum
            settled = await self._settle(carrier, segment)
            if settled is None:
                in_doubt = self._progress.in_doubt or message.segment_id(segment) in self._marks
                return Stop(segment.seqnum, None, datetime.now(UTC), self._progress._replace(in_doubt=in_doubt))
            result, now = settled
            if result.outcome is not Outcome.ACCEPTED:
                log.info(
                    "segment_not_accepted",
                    segment_id=message.segment_id(segment),
                    carrier=message.carrier_id if carrier is None else carrier.name,
                    attempt=self._progress.attempt,
                    outcome=result.outcome.value,
                    error=result.error,
                )
                return Stop(segment.seqnum, result, now, self._progress)
            if self._progress.in_doubt:
                self._progress = self._progress._replace(in_doubt=False)
        return Sent(now, self._progress)

    def _units(self, carrier: Carrier | None) -> Sequence[Segment]:
        """Return what is left to hand over, POST by POST: segments, or the whole text as if it were the first one.

        What an earlier life has begun goes on as it was begun.
        """
        segments, first = self._message.segments, self._item.first_seqnum
        bound = None if carrier is None else self._line.bound(carrier)
        takes_whole = bound is not None and bound.whole_text and len(segments) > 1
        begun = next(iter(self._marks.values()), None)
        self.whole = takes_whole and first == 1 if begun is None else begun.whole is True
        self._as_begun = bound is None or self.whole == takes_whole
        if self.whole and bound is not None:
            return [bound.unit(self._message, segments[0])]
        return segments[:1] if self.whole else segments[first - 1 :]

    def mark_end(self, status: MessageStatus) -> None:
        """Mark that it fails without a POST: marks tell a restart for whose status to look."""
        in_doubt = status.code_id is CodeId.IN_DOUBT
        self.mark_stop(Outcome.IN_DOUBT if in_doubt else Outcome.NOT_TAKEN, status.reason, status.ended_at)

    def mark_stop(self, outcome: Outcome, error: str | None, at: datetime) -> None:
        """Mark that it stops without a POST: that there are marks shows that somebody has worked here."""
        if not self._marked:
            result = AttemptResult(outcome, error=error)
            segment_id = self._message.segment_id(self._message.segments[self._item.first_seqnum - 1])
            attempt = Attempt(self._coordinates, segment_id, self._progress.attempt, self._message.carrier_id)
            self.unwritten = [self._record(attempt, result, at)]

    async def _settle(self, carrier: Carrier | None, segment: Segment) -> tuple[AttemptResult, datetime] | None:
        """Find out what becomes of one segment, and when that was; None when it may not be tried now."""
        segment_id = self._message.segment_id(segment)
        mark = self._marks.get(segment_id)
        in_doubt = mark is not None or self._progress.in_doubt
        policy = policy_of(carrier)
        if segment_id in self._posted_again:
            self._note_repetition(policy)  # whatever it comes to now
        if mark is not None and (known := result_of(mark)) is not None:
            if self._progress.in_doubt:
                self._note_repetition(policy)
            self.unwritten += self._expected(carrier, segment_id, known, mark.at)  # which may not have been written
            return known, mark.at  # settled before a restart: what follows comes out the same
        if self._leave is not None:
            segments = len(self._message.segments) if self.whole else 1
            if (pacing := self._leave.pace(segments)) is not None:
                await pacing
        now = datetime.now(UTC)
        if carrier is None:
            others = self._message.alternatives is not None and segment.seqnum == 1
            outcome = Outcome.IN_DOUBT if in_doubt else Outcome.NOT_TAKEN if others else Outcome.REFUSED
            return AttemptResult(outcome, error="carrier unknown"), now
        if not self._as_begun:
            outcome = Outcome.IN_DOUBT if in_doubt else Outcome.REFUSED
            return AttemptResult(outcome, error="begun in other parts than the profile has"), now
        expired = self._message.is_expired(now)
        if not in_doubt and expired:
            return AttemptResult(Outcome.NOT_TAKEN, error="expired"), now
        if in_doubt and policy is InDoubtPolicy.GIVE_UP:
            return AttemptResult(Outcome.IN_DOUBT, error="interrupted before its outcome was known"), now
        if expired and policy is not InDoubtPolicy.QUERY:
            return AttemptResult(Outcome.IN_DOUBT, error="expired"), now
        leave = self._leave
        if leave is None or not leave.stands:
            return None
        result = None
        if in_doubt:
            result = await self._settle_doubt(leave, carrier, segment)
            now = datetime.now(UTC)  # the carrier may have taken its time
            if result is None and self._message.is_expired(now):
                return AttemptResult(Outcome.NOT_TAKEN, error="expired"), now
        if result is None:
            result = await self._post(leave, carrier, segment)
        return result, datetime.now(UTC)

    async def _settle_doubt(self, leave: Leave, carrier: Carrier, segment: Segment) -> AttemptResult | None:
        """Do what the policy says about a segment that may have been taken; None: post it again."""
        self._note_repetition(carrier.in_doubt_policy)
        if carrier.in_doubt_policy is not InDoubtPolicy.QUERY:
            return None
        result = await self._line.query(leave, carrier, self._message, segment)
        if result.outcome is Outcome.NOT_TAKEN:
            return None
        if result.outcome is Outcome.ACCEPTED:
            # Durable before the next segment's mark, as a POST's outcome is: only the last one marked can be in doubt.
            self.unwritten = self._outcome(self._attempt(carrier, segment), carrier, result)
            self._marked = True
        return result

    def _note_repetition(self, policy: InDoubtPolicy) -> None:
        """Note that this segment is, or was before a restart, posted although it may have been taken.

        Only the carrier's answer to a question ends the doubt; a second POST that is not taken says nothing about the
        first.
        """
        self._progress = self._progress._replace(
            in_doubt=policy is not InDoubtPolicy.QUERY,
            possible_duplicate=self._progress.possible_duplicate or policy is InDoubtPolicy.RESEND,
        )

    async def _post(self, leave: Leave, carrier: Carrier, segment: Segment) -> AttemptResult:
        failpoint("delivery.before_marker")
        attempt = self._attempt(carrier, segment)
        mark = attempt.submitting(datetime.now(UTC))
        self._posting = True
        await self._writer.mark(self._item, [*self.unwritten, self._entry(attempt, mark)])
        self.unwritten = []
        self._marked = True
        failpoint("delivery.after_marker")
        if not await self._item.consumer.still_ours(self._item.work):
            raise PartitionLost
        result = await self._line.post(leave, carrier, self._message, segment)
        failpoint("delivery.after_post")
        self.unwritten = self._outcome(attempt, carrier, result)
        self._posting = False
        return result

    def expected_before(self, carrier: Carrier | None) -> list[OutRecord]:
        """Return again which receipts an earlier life had to expect: what it wrote last may not all be there."""
        found: list[OutRecord] = []
        for segment_id, mark in self._marks.items():
            if (known := result_of(mark)) is not None:
                found += self._expected(carrier, segment_id, known, mark.at)
        return found

    def _outcome(self, attempt: Attempt, carrier: Carrier, result: AttemptResult) -> list[OutRecord]:
        now = datetime.now(UTC)
        return [self._record(attempt, result, now), *self._expected(carrier, attempt.segment_id, result, now)]

    def _expected(
        self, carrier: Carrier | None, segment_id: str, result: AttemptResult, at: datetime
    ) -> list[OutRecord]:
        """Return what lets a receipt be matched that will name nothing but the carrier's own id."""
        if not self._message.receipts or carrier is None or not result.carrier_message_id:
            return []
        bound = self._line.bound(carrier)
        if bound is None or bound.profile.takes_receipt_url:
            return []
        expected = ExpectedReceipt(
            carrier_id=carrier.id,
            carrier_message_id=result.carrier_message_id,
            message_id=self._message.id,
            seqnum=int(segment_id.rpartition(":")[2]),
            accepted_at=at,
        )
        return [OutRecord(DLR_EXPECTED, carrier_key(carrier.id, result.carrier_message_id), expected.to_bytes())]

    def _attempt(self, carrier: Carrier, segment: Segment) -> Attempt:
        return Attempt(
            self._coordinates, self._message.segment_id(segment), self._progress.attempt, carrier.id, self.whole
        )

    def _record(self, attempt: Attempt, result: AttemptResult, at: datetime) -> OutRecord:
        return self._entry(attempt, attempt.settled(result, at))

    def _entry(self, attempt: Attempt, entry: bytes) -> OutRecord:
        return OutRecord(JOURNAL, attempt.segment_id.encode(), entry, partition=self._coordinates.partition)
