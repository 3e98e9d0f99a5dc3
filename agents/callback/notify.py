"""One attempt to notify, and what follows from its outcome.

2xx: finished. Anything else: a record in a later delay tier, or a dead letter; either is written in one transaction
with the commit that says this record is done. A crash before that repeats the attempt with the same `webhook-id`; it
never makes two chains of one.
"""

import asyncio
from datetime import UTC, datetime
from time import perf_counter, time
from typing import Final

import structlog

from agents.callback import attempts
from agents.callback.attempts import AttemptLog, Failure
from agents.callback.disabled import DisabledEndpoints
from agents.callback.line_up import Notification, Unreadable
from agents.callback.reschedule import DISABLED, GONE, STAGE, UNREADABLE, after_failure, exhausted, refused
from pipeline.callbacks.notification import CONTENT_TYPE, body_of, url_to_notify
from pipeline.callbacks.signing import signed_headers
from pipeline.dead_letters.letter import INTERNAL_ERROR, place_of
from pipeline.errors import InDoubt, NotSent, PostFailed, Refused, SmsoutError
from pipeline.failpoints import failpoint
from pipeline.http.client import HttpPoster
from pipeline.http.url import origin_of
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.metrics import END_TO_END, MESSAGES, POST_SECONDS, POSTS, TRUNK_CALLBACKS
from pipeline.posting.flows import Turn
from pipeline.posting.intake import Entry
from pipeline.posting.peer import News
from pipeline.posting.retry_after import retry_after_seconds
from pipeline.posting.retry_schedule import RetrySchedule
from schemas.directory.trunk import Trunk
from schemas.record import OutRecord

log = structlog.get_logger(__name__)

ACCEPTED: Final = "accepted"
_TOO_MANY_REQUESTS: Final = 429
_UNAVAILABLE: Final = 503
_GONE: Final = 410

_posts = {
    outcome: POSTS.labels(STAGE, outcome)
    for outcome in (ACCEPTED, "answered", NotSent.code, InDoubt.code, Refused.code)
}
_seconds = POST_SECONDS.labels(STAGE)
_to_callback = END_TO_END.labels("to_callback")
_notified = MESSAGES.labels(STAGE, "notified")
_nobody_to_notify = MESSAGES.labels(STAGE, "nobody-to-notify")


class Notifier:
    """Makes attempts. Every record goes through `has_to_wait` once, and then comes to its turn."""

    def __init__(
        self, view: DirectoryView, poster: HttpPoster, attempt_log: AttemptLog, schedule: RetrySchedule
    ) -> None:
        self._view = view
        self._poster = poster
        self._attempt_log = attempt_log
        self._schedule = schedule
        self._disabled = DisabledEndpoints()
        self._catching_up = asyncio.Lock()
        self._caught_up_at_ms = 0.0
        self._accepted = 0

    def report(self) -> None:
        """Bring the metrics up to date: a success leaves only a number behind, which is counted here with others."""
        accepted, self._accepted = self._accepted, 0
        _posts[ACCEPTED].inc(accepted)
        _notified.inc(accepted)

    def has_to_wait(self, item: Notification | Unreadable) -> bool:
        """Tell whether `item` has to wait for its turn; what nobody is to be told of has ended already."""
        work = item.work
        if isinstance(item, Unreadable):
            _end(work, [refused(work, UNREADABLE, item.detail)])
            return False
        trunk = self._view.directory.trunk(item.status.trunk_id)
        if trunk is None:
            return True  # it has to be looked up
        url, outbox = self._url_of(item, trunk)
        if url is None:
            _end(work, outbox)
        return url is not None

    def expire(self, notification: Notification) -> None:
        """End what has waited for its endpoint for as long as the whole schedule takes."""
        if notification.work.begin():
            why = f"before attempt {notification.attempt}: the endpoint took nothing for all the time"
            notification.work.finish([exhausted(notification, why)])

    async def reach(self, trunk_id: str) -> bool:
        """Tell whether the endpoint of a trunk can be connected to."""
        trunk = self._view.directory.trunk(trunk_id)
        url = None if trunk is None else trunk.callback_url
        return url is None or await self._poster.reach(url)

    async def __call__(self, turn: Turn[Entry[Notification]]) -> None:
        """Make one attempt. URL and secrets are those of this moment."""
        notification = turn.item.payload
        work = notification.work
        if not work.begin():
            return
        try:
            await self._notify(turn, notification)
        except SmsoutError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the agent at each of its lives
            record, detail = work.record, place_of(error)
            log.error(
                "record_set_aside", topic=record.topic, partition=record.partition, offset=record.offset, error=detail
            )
            work.finish([refused(work, INTERNAL_ERROR, detail)])

    async def _notify(self, turn: Turn[Entry[Notification]], notification: Notification) -> None:
        work = notification.work
        trunk = self._view.directory.trunk(notification.status.trunk_id)
        if trunk is None:
            await self._catch_up_with(work)
            trunk = self._view.directory.trunk(notification.status.trunk_id)
        if trunk is None:
            _nobody_to_notify.inc()
            work.finish()
            return
        url, outbox = self._url_of(notification, trunk)
        if url is None:
            work.finish(outbox)
            return
        try:
            body = body_of(notification.status)
        except (ArithmeticError, ValueError) as error:  # a time before the calendar's, a price beyond all bounds
            work.finish([refused(work, UNREADABLE, f"no body can be made: {error!r}")])
            return
        await self._post(turn, notification, trunk, url, body)

    def _url_of(self, notification: Notification, trunk: Trunk) -> tuple[str | None, list[OutRecord]]:
        """Return where to post, or None and how the notification ends instead."""
        url = url_to_notify(trunk, notification.status)
        if url is None:
            _nobody_to_notify.inc()
            return None, []
        if trunk.callback_disabled_at is not None or trunk in self._disabled:
            return None, [refused(notification.work, DISABLED, f"{origin_of(url)} answered 410 and is disabled")]
        return url, []

    async def _catch_up_with(self, work: Work) -> None:
        """See that the directory is at least as new as `work`.

        Whoever wrote the status may have read of a new trunk a moment before this process has. One look at the topic
        serves every record that is older than it, so trunks that do not exist cost a look now and then.
        """
        async with self._catching_up:
            if work.record.timestamp_ms >= self._caught_up_at_ms:
                now_ms = time() * 1000
                await self._view.catch_up()
                self._caught_up_at_ms = now_ms

    async def _post(
        self, turn: Turn[Entry[Notification]], notification: Notification, trunk: Trunk, url: str, body: bytes
    ) -> None:
        began_at, started = time(), perf_counter()
        pause_seconds: float | None = None
        try:
            headers = signed_headers(trunk.callback_secrets, notification.status.webhook_id, began_at, body)
            headers["content-type"] = CONTENT_TYPE
            answer = await self._poster.post(url, headers, body)
        except PostFailed as error:
            seconds = perf_counter() - started
            outcome, failure = error.code, Failure(error=f"{error.code}: {error}")
            turn.learn(News.UNREACHABLE if isinstance(error, NotSent) else News.SILENT, seconds, str(failure))
        except Refused as error:  # nothing was sent, so it says nothing about the endpoint
            seconds = perf_counter() - started
            outcome, failure = Refused.code, Failure(error=f"{error.code}: {error}")
        else:
            seconds = perf_counter() - started
            code = answer.status
            if 200 <= code < 300:
                failpoint("callback.after_post")
                turn.learn(News.ANSWERED, seconds)
                self._accepted += 1
                _seconds.observe(seconds)
                _to_callback.observe(began_at + seconds - notification.status.accepted_at.timestamp())
                TRUNK_CALLBACKS.add(trunk.id, "accepted")
                event = attempts.accepted(notification, origin_of(url), began_at, seconds, code)
                self._attempt_log.add(notification.work, event)
                return
            _seconds.observe(seconds)
            if code in (_TOO_MANY_REQUESTS, _UNAVAILABLE):
                pause_seconds = retry_after_seconds(answer.retry_after, datetime.now(UTC))
            outcome, failure = "answered", Failure(status_code=code, answer=answer.body)
            turn.learn(_news_of(code), seconds, str(failure), pause_seconds)
        failpoint("callback.after_post")
        _posts[outcome].inc()
        TRUNK_CALLBACKS.add(trunk.id, "failed")
        self._fail(notification, trunk, origin_of(url), (began_at, seconds), failure, pause_seconds or 0.0)

    def _fail(
        self,
        notification: Notification,
        trunk: Trunk,
        origin: str,
        when: tuple[float, float],
        failure: Failure,
        at_least_seconds: float,
    ) -> None:
        work = notification.work
        log.info(
            "attempt_failed",
            webhook_id=notification.status.webhook_id,
            trunk_id=trunk.id,
            attempt=notification.attempt,
            endpoint=origin,
            error=str(failure),
            milliseconds=round(when[1] * 1000),
        )
        if failure.status_code == _GONE:
            self._disabled.add(trunk)
            log.warning("endpoint_disabled", trunk_id=trunk.id, endpoint=origin)
            next_record = refused(work, GONE, f"attempt {notification.attempt}: {origin} answered 410")
        else:
            next_record = after_failure(
                notification, str(failure), datetime.now(UTC), self._schedule, at_least_seconds
            )  # fmt: skip
        work.finish([attempts.failed(notification, origin, *when, failure), next_record])


def _news_of(code: int) -> News:
    if code == _TOO_MANY_REQUESTS:
        return News.THROTTLED
    if code == _UNAVAILABLE:
        return News.UNAVAILABLE
    # Redirects are answers too: following one would post to an address that the customer has not set.
    return News.SILENT if code >= 500 else News.ANSWERED


def _end(work: Work, outbox: list[OutRecord]) -> None:
    """Finish a record at once."""
    if work.begin():
        work.finish(outbox)
