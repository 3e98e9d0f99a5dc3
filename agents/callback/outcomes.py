"""What follows from how an attempt went.

2xx: finished. Anything else: a record in a later delay tier, or a dead letter; either is written in one transaction
with the commit that says this record is done.
"""

from datetime import UTC, datetime
from typing import Final

import structlog

from agents.callback import attempts
from agents.callback.addressee import Nobody
from agents.callback.attempts import AttemptLog, Failure
from agents.callback.disabled import DisabledEndpoints
from agents.callback.line_up import Notification
from agents.callback.posting import Posted
from agents.callback.reschedule import GONE, STAGE, after_failure, refused
from pipeline.callbacks.endpoint import Endpoint
from pipeline.dead_letters.letter import INTERNAL_ERROR, place_of
from pipeline.http.url import origin_of
from pipeline.kafka.consuming.work import Work
from pipeline.metrics import END_TO_END, MESSAGES, TRUNK_CALLBACKS
from pipeline.posting.retry_schedule import RetrySchedule
from schemas.directory.trunk import Trunk
from schemas.messages.callback import CallbackVia

_GONE: Final = 410

log = structlog.get_logger(__name__)

_to_callback = END_TO_END.labels("to_callback")
_notified = MESSAGES.labels(STAGE, "notified")


class Outcomes:
    """Ends records, each once."""

    def __init__(self, attempt_log: AttemptLog, schedule: RetrySchedule, disabled: DisabledEndpoints) -> None:
        self._attempt_log = attempt_log
        self._schedule = schedule
        self._disabled = disabled
        self._accepted = 0

    def report(self) -> None:
        """Bring the metrics up to date: a success leaves only a number behind, which is counted here with others."""
        accepted, self._accepted = self._accepted, 0
        _notified.inc(accepted)

    def end(self, work: Work, nobody: Nobody) -> None:
        """Finish what nobody is told of."""
        if nobody.event is not None:
            self._attempt_log.add(work, nobody.event)
        else:
            work.finish([] if nobody.dead_letter is None else [nobody.dead_letter])

    def set_aside(self, work: Work, error: Exception) -> None:
        """Finish what met an error of ours: whatever it is, it must not end the agent at each of its lives."""
        record, detail = work.record, place_of(error)
        log.error(
            "record_set_aside", topic=record.topic, partition=record.partition, offset=record.offset, error=detail
        )
        work.finish([refused(work, INTERNAL_ERROR, detail)])

    def conclude(self, notification: Notification, trunk: Trunk, endpoint: Endpoint, posted: Posted) -> None:
        """Finish what was posted."""
        if posted.failure is None:
            self._succeed(notification, trunk, endpoint, posted)
        else:
            self._fail(notification, trunk, endpoint, posted, posted.failure)

    def _succeed(self, notification: Notification, trunk: Trunk, endpoint: Endpoint, posted: Posted) -> None:
        self._accepted += 1
        since_accepted = posted.began_at + posted.seconds - notification.status.accepted_at.timestamp()
        _to_callback.observe(max(0.0, since_accepted))  # clocks are put back
        TRUNK_CALLBACKS.add(trunk.id, "accepted")
        event = attempts.accepted(notification, endpoint, posted.began_at, posted.seconds, posted.status_code)
        self._attempt_log.add(notification.work, event)

    def _fail(
        self, notification: Notification, trunk: Trunk, endpoint: Endpoint, posted: Posted, failure: Failure
    ) -> None:
        TRUNK_CALLBACKS.add(trunk.id, "failed")
        work, origin = notification.work, origin_of(endpoint.url)
        log.info(
            "attempt_failed",
            webhook_id=notification.status.webhook_id,
            trunk_id=trunk.id,
            attempt=notification.attempt,
            endpoint=origin,
            error=str(failure),
            milliseconds=round(posted.seconds * 1000),
        )
        if attempts.is_gone(endpoint, failure):
            self._disabled.add(trunk)
            log.warning("endpoint_disabled", trunk_id=trunk.id, endpoint=origin)
        if failure.status_code == _GONE and endpoint.via is not CallbackVia.FAILOVER:
            next_record = refused(work, GONE, f"attempt {notification.attempt}: {origin} answered 410")
        else:
            next_record = after_failure(
                notification, str(failure), datetime.now(UTC), self._schedule, posted.pause_seconds
            )  # fmt: skip
        work.finish([attempts.failed(notification, endpoint, posted.began_at, posted.seconds, failure), next_record])
