"""One message's way through delivery: its segments in order, then a status or a place in a retry tier.

Nothing is finished before what it caused is durable. Part of the work is done twice after a crash; the segment id as
idempotency key lets the carrier see that.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import perf_counter

import structlog
from pydantic import ValidationError

from pipeline.carriers.decision import Progress, Wait, after_failure, failed, succeeded
from pipeline.carriers.http_json import request_of, result_of
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.dead_letters import dead_letter
from pipeline.errors import AddressNotAllowed, InDoubt, NotSent
from pipeline.failpoints import failpoint
from pipeline.http_poster import HttpPoster
from pipeline.kafka.consumer import Work
from pipeline.kafka.directory_view import DirectoryView
from pipeline.kafka.producer import OutRecord
from pipeline.metrics import MESSAGES, POST_SECONDS, POSTS
from pipeline.submitted_record import describe
from schemas.directory import Carrier
from schemas.mt_message import MtMessage, Segment
from schemas.retry import WaitingMessage
from schemas.status import CodeId, MessageStatus
from schemas.topics import SEGMENTED, STATUS

log = structlog.get_logger(__name__)

STAGE = "delivery"

_posts = {outcome: POSTS.labels(STAGE, outcome.value) for outcome in Outcome}
_post_seconds = POST_SECONDS.labels(STAGE)
_settled = MESSAGES.labels(STAGE, "settled")
_waiting = MESSAGES.labels(STAGE, "waiting")

Commit = Callable[[OutRecord], Awaitable[None]]


class Delivery:
    """Delivers messages one `Work` at a time; `commit` returns when the broker has the record."""

    def __init__(
        self, view: DirectoryView, poster: HttpPoster, commit: Commit, retry_delays_seconds: tuple[int, ...]
    ) -> None:
        self._view = view
        self._poster = poster
        self._commit = commit
        self._delays = retry_delays_seconds

    async def __call__(self, work: Work) -> None:
        """Bring one record to its end: a status, a retry tier or a dead letter, durable before it is finished."""
        if not work.tracker.begin():
            return
        await self._commit(await self._outcome_of(work))
        failpoint("delivery.after_outcome")
        work.tracker.finish(work.offset)

    async def _outcome_of(self, work: Work) -> OutRecord:
        try:
            message, first_seqnum, progress = _read(work)
        except ValidationError as error:
            return dead_letter(
                work.topic, work.partition, work.offset, work.timestamp_ms, work.key, work.value, work.headers,
                stage=STAGE, reason="schema-violation", detail=describe(error),
            )  # fmt: skip
        outcome = await self._post_all(message, first_seqnum, progress)
        if isinstance(outcome, Wait):
            _waiting.inc()
            return OutRecord(outcome.topic, message.destination.encode(), outcome.waiting.to_bytes())
        _settled.inc()
        return OutRecord(STATUS, message.id.encode(), outcome.to_bytes())

    async def _post_all(self, message: MtMessage, first_seqnum: int, progress: Progress) -> MessageStatus | Wait:
        carrier = self._view.directory.carrier(message.carrier_id)
        if carrier is None:
            # The processor may have read of a new carrier a moment before this process has.
            await self._view.catch_up()
            carrier = self._view.directory.carrier(message.carrier_id)
        if carrier is None:
            return failed(message, CodeId.ROUTING_FAILED, "carrier unknown", first_seqnum - 1, datetime.now(UTC))
        for segment in message.segments[first_seqnum - 1 :]:
            now = datetime.now(UTC)
            if message.is_expired(now):
                return failed(message, CodeId.ALL_ATTEMPTS_FAILED, "expired", segment.seqnum - 1, now)
            result = await self._post(carrier, message, segment)
            _posts[result.outcome].inc()
            if result.outcome is Outcome.ACCEPTED:
                continue
            log.info(
                "segment_not_accepted", segment_id=message.segment_id(segment), carrier=carrier.name,
                attempt=progress.attempt, outcome=result.outcome.value, error=result.error,
            )  # fmt: skip
            return after_failure(
                message, segment.seqnum, result, carrier.in_doubt_policy, progress, self._delays, datetime.now(UTC)
            )
        return succeeded(message, datetime.now(UTC))

    async def _post(self, carrier: Carrier, message: MtMessage, segment: Segment) -> AttemptResult:
        if carrier.blocked:
            return AttemptResult(Outcome.NOT_TAKEN, error="carrier blocked")
        headers, body = request_of(message, segment)
        failpoint("delivery.before_post")
        started = perf_counter()
        try:
            answer = await self._poster.post(carrier.url, headers, body, timeout_seconds=carrier.timeout_seconds)
        except NotSent as error:
            return AttemptResult(Outcome.NOT_TAKEN, error=str(error))
        except InDoubt as error:
            return AttemptResult(Outcome.IN_DOUBT, error=str(error))
        except AddressNotAllowed as error:
            return AttemptResult(Outcome.REFUSED, error=str(error))
        failpoint("delivery.after_post")
        _post_seconds.observe(perf_counter() - started)
        return result_of(answer)


def _read(work: Work) -> tuple[MtMessage, int, Progress]:
    """Return the message of a record, the segment to begin with, and how far it has come."""
    value = work.value or b""
    if work.topic == SEGMENTED:
        return MtMessage.from_bytes(value), 1, Progress(attempt=1, first_attempt_at=datetime.now(UTC))
    waiting = WaitingMessage.from_bytes(value)
    return waiting.message, waiting.next_seqnum, Progress(waiting.attempt, waiting.first_attempt_at)
