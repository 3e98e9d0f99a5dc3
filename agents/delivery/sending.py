"""One message on its way to the carrier: which segment comes next, and what each one comes to.

For each segment, or for the whole text where the carrier takes those (its marks are the first segment's): a durable
`submitting` mark, the POST, its outcome. A crash between mark and outcome leaves it in doubt, and the carrier's policy
decides; it is never blindly sent again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import structlog

from agents.delivery.carrier_line import CarrierLine, Leave
from agents.delivery.line_up import Reading
from agents.delivery.marks import Marks
from agents.delivery.trace import DeliveryTrace
from agents.delivery.write import OutcomeWriter
from pipeline.carriers.decision import Progress, Stop
from pipeline.carriers.journal import Attempt, result_of
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.failpoints import failpoint
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.messages.mt_message import Segment
from schemas.messages.status import CodeId, MessageStatus
from schemas.record import Header

log = structlog.get_logger(__name__)


class PartitionLost(Exception):
    """The work has gone to another member; whoever has it now goes on with it."""


class Withdrawn(Exception):
    """The message was cancelled before any carrier had any of it."""


class Sent(NamedTuple):
    """All segments were accepted, the last one `at` that time."""

    at: datetime
    progress: Progress


def policy_of(carrier: Carrier | None) -> InDoubtPolicy:
    """Return what may be done about doubt at a carrier; nothing at one that is gone."""
    return InDoubtPolicy.GIVE_UP if carrier is None else carrier.in_doubt_policy


class Wishes(Protocol):
    """What is used of `Cancellations`."""

    any: bool
    """Whether there are any: most of the time nobody has cancelled anything."""

    def holds(self, trunk_id: str, message_id: str, bulk_id: str | None) -> bool:
        """Tell whether a message was cancelled, or the bulk that it belongs to."""


class Sending:
    """Sends what is left of one message.

    Without leave nothing is posted or asked: what is known is settled. What is among the `wishes` right before its
    first POST, whatever has been waited for until then, is not sent.
    """

    def __init__(
        self,
        item: Reading,
        leave: Leave | None,
        marks: Marks,
        line: CarrierLine,
        writer: OutcomeWriter,
        trace: DeliveryTrace | None = None,
        wishes: Wishes | None = None,
    ) -> None:
        self._item = item
        self._trace = trace
        self._message = item.message
        self._progress = item.progress
        self._leave = leave
        self.marks = marks
        self._line = line
        self._writer = writer
        self._wishes = wishes
        self.whole = False
        """Whether the message goes out by one POST, though it has several segments."""
        self._as_begun = True
        self._seqnum = item.first_seqnum
        self._posting = False

    @property
    def trace_headers(self) -> tuple[Header, ...]:
        """The headers of its status that name its trace, where it has one."""
        return () if self._trace is None else self._trace.headers

    def broken_off(self) -> Stop:
        """Say where it stands after an error of ours: in doubt, if a POST may have gone out and nobody knows."""
        in_doubt = self._posting or self._progress.in_doubt or bool(self.marks.earlier)
        return Stop(self._seqnum, None, datetime.now(UTC), self._progress._replace(in_doubt=in_doubt))

    async def run(self, carrier: Carrier | None) -> Sent | Stop:
        """Send the segments that are left; say where it stopped, if it did. Raises `PartitionLost` and `Withdrawn`.

        Without a carrier, because it has been deleted, what is known is settled and the rest refused, or not taken
        where another carrier may have it.
        """
        message = self._message
        now = datetime.now(UTC)
        for segment in self._units(carrier):
            self._seqnum = segment.seqnum
            settled = await self._settle(carrier, segment)
            if settled is None:
                in_doubt = self._progress.in_doubt or message.segment_id(segment) in self.marks.earlier
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
        begun = next(iter(self.marks.earlier.values()), None)
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
        """Mark that it stops without a POST."""
        segment = self._message.segments[self._item.first_seqnum - 1]
        attempt = self._attempt(segment, self._message.carrier_id, whole=False)
        self.marks.stopped(attempt, AttemptResult(outcome, error=error), at)

    async def _settle(self, carrier: Carrier | None, segment: Segment) -> tuple[AttemptResult, datetime] | None:
        """Find out what becomes of one segment, and when that was; None when it may not be tried now."""
        segment_id = self._message.segment_id(segment)
        mark = self.marks.earlier.get(segment_id)
        in_doubt = mark is not None or self._progress.in_doubt
        policy = policy_of(carrier)
        if segment_id in self.marks.posted_again:
            self._note_repetition(policy)  # whatever it comes to now
        if mark is not None and (known := result_of(mark)) is not None:
            if self._progress.in_doubt:
                self._note_repetition(policy)
            self.marks.unwritten += self.marks.expect_again(carrier, [segment_id])
            return known, mark.at  # settled before a restart: what follows comes out the same
        if self._leave is not None:
            segments = len(self._message.segments) if self.whole else 1
            if (pacing := self._leave.pace(segments)) is not None:
                await pacing
        now = datetime.now(UTC)
        untouched = segment.seqnum == 1 and not in_doubt and not self._progress.possible_duplicate
        if untouched and self._is_canceled():
            raise Withdrawn
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
            self.marks.settled(self._attempt(segment, carrier.id, whole=self.whole), carrier, result)
        return result

    def _is_canceled(self) -> bool:
        wishes, message = self._wishes, self._message
        return wishes is not None and wishes.any and wishes.holds(message.trunk_id, message.id, message.bulk_id)

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
        attempt = self._attempt(segment, carrier.id, whole=self.whole)
        before_post = self.marks.before_post(attempt)
        self._posting = True
        await self._writer.mark(self._item, before_post)
        self.marks.written()
        failpoint("delivery.after_marker")
        if not await self._item.consumer.still_ours(self._item.work):
            raise PartitionLost
        if self._trace is None:
            result = await self._line.post(leave, carrier, self._message, segment)
        else:
            result = await self._trace.post(self._line, leave, carrier, self._message, segment)
        failpoint("delivery.after_post")
        self.marks.settled(attempt, carrier, result)
        self._posting = False
        return result

    def _attempt(self, segment: Segment, carrier_id: str, *, whole: bool) -> Attempt:
        segment_id = self._message.segment_id(segment)
        return Attempt(self.marks.coordinates, segment_id, self._progress.attempt, carrier_id, whole)
