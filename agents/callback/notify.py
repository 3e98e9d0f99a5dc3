"""One attempt to notify, and what follows from its outcome.

2xx: finished. Anything else: a record in the next delay tier, or after the last one a dead letter; either is written
in one transaction with the commit that says this record is done. A crash before that repeats the attempt with the same
`webhook-id`; it never makes two chains of one.
"""

import asyncio
from datetime import UTC, datetime
from time import perf_counter, time

import structlog

from agents.callback.read import Notification, Unreadable, origin_of, trunk_to_notify
from pipeline.callbacks.retry_schedule import after_failure
from pipeline.callbacks.signing import signed_headers
from pipeline.dead_letters import dead_letter
from pipeline.errors import InDoubt, NotSent, PostFailed, Refused
from pipeline.failpoints import failpoint
from pipeline.http_poster import HttpPoster
from pipeline.kafka.consumer import Work
from pipeline.kafka.directory_view import DirectoryView
from pipeline.kafka.producer import OutRecord
from pipeline.metrics import MESSAGES, POST_SECONDS, POSTS
from pipeline.notification import CONTENT_TYPE, body_of
from schemas.callback import WaitingNotification
from schemas.directory import Trunk

log = structlog.get_logger(__name__)

STAGE = "callback"
EXHAUSTED = "callback-exhausted"
UNREADABLE = "schema-violation"

ACCEPTED = "accepted"
_posts = {
    outcome: POSTS.labels(STAGE, outcome)
    for outcome in (ACCEPTED, "answered", NotSent.code, InDoubt.code, Refused.code)
}
_seconds = POST_SECONDS.labels(STAGE)
_notified = MESSAGES.labels(STAGE, "notified")
_nobody_to_notify = MESSAGES.labels(STAGE, "nobody-to-notify")
_waiting = MESSAGES.labels(STAGE, "waiting")
_exhausted = MESSAGES.labels(STAGE, "exhausted")


class Notifier:
    """Makes attempts."""

    def __init__(self, view: DirectoryView, poster: HttpPoster, delays_seconds: tuple[int, ...]) -> None:
        self._view = view
        self._poster = poster
        self._delays_seconds = delays_seconds
        self._catching_up = asyncio.Lock()
        self._caught_up_at_ms = 0.0
        self._seconds_of_accepted: list[float] = []

    def report(self) -> None:
        """Bring the metrics up to date: a success leaves only a number behind, which is counted here with others."""
        seconds, self._seconds_of_accepted = self._seconds_of_accepted, []
        for value in seconds:
            _seconds.observe(value)
        _posts[ACCEPTED].inc(len(seconds))
        _notified.inc(len(seconds))

    async def __call__(self, item: Notification | Unreadable) -> None:
        """Bring one record to its end: notified, in the next tier, or a dead letter."""
        work = item.work
        if not work.tracker.begin():
            return
        if isinstance(item, Unreadable):
            following = [_dead_letter(work, UNREADABLE, item.detail)]
        else:
            following = await self._attempt(item)
        work.tracker.finish(work.offset, following)

    async def _attempt(self, notification: Notification) -> list[OutRecord]:
        """Make one attempt and return what follows from it. URL and secrets are those of this moment."""
        status = notification.status
        if self._view.directory.trunk(status.trunk_id) is None:
            await self._catch_up_with(notification.work)
        trunk = trunk_to_notify(self._view.directory, status)
        if trunk is None or trunk.callback_url is None:
            _nobody_to_notify.inc()
            return []
        try:
            body = body_of(status)
        except (ArithmeticError, ValueError) as error:  # a time before the calendar's, a price beyond all bounds
            return [_dead_letter(notification.work, UNREADABLE, f"no body can be made: {error!r}")]
        failure = await self._post(notification, trunk, trunk.callback_url, body)
        failpoint("callback.after_post")
        return [] if failure is None else [self._after(notification, failure)]

    async def _catch_up_with(self, work: Work) -> None:
        """See that the directory is at least as new as `work`.

        Whoever wrote the status may have read of a new trunk a moment before this process has. One look at the topic
        serves every record that is older than it, so trunks that do not exist cost a look now and then.
        """
        async with self._catching_up:
            if work.timestamp_ms >= self._caught_up_at_ms:
                now_ms = time() * 1000
                await self._view.catch_up()
                self._caught_up_at_ms = now_ms

    async def _post(self, notification: Notification, trunk: Trunk, url: str, body: bytes) -> str | None:
        """Post; return None when the endpoint has taken the notification, else why it has not."""
        started = perf_counter()
        webhook_id = notification.status.webhook_id
        try:
            headers = signed_headers(trunk.callback_secrets, webhook_id, time(), body)
            headers["content-type"] = CONTENT_TYPE
            answer = await self._poster.post(url, headers, body)
        except (PostFailed, Refused) as error:
            outcome = error.code if isinstance(error, PostFailed) else Refused.code
            failure = f"{error.code}: {error}"
        else:
            seconds = perf_counter() - started
            if 200 <= answer.status < 300:
                self._seconds_of_accepted.append(seconds)
                return None
            _seconds.observe(seconds)
            # Redirects too: following one would post to an address that the customer has not set.
            outcome, failure = "answered", f"status {answer.status}"
        _posts[outcome].inc()
        log.info(
            "attempt_failed",
            webhook_id=webhook_id,
            trunk_id=trunk.id,
            attempt=notification.attempt,
            endpoint=origin_of(url),
            error=failure,
            milliseconds=round((perf_counter() - started) * 1000),
        )
        return failure

    def _after(self, notification: Notification, failure: str) -> OutRecord:
        now = datetime.now(UTC)
        following = after_failure(notification.attempt, now, self._delays_seconds)
        if following is None:
            _exhausted.inc()
            log.warning("gave_up", webhook_id=notification.status.webhook_id, attempts=notification.attempt)
            return _dead_letter(notification.work, EXHAUSTED, f"attempt {notification.attempt}: {failure}")
        _waiting.inc()
        waiting = WaitingNotification(
            status=notification.status,
            attempt=following.attempt,
            first_attempt_at=notification.first_attempt_at or now,
            due_at=following.due_at,
            last_error=failure,
        )
        return OutRecord(following.topic, notification.status.trunk_id.encode(), waiting.to_bytes())


def _dead_letter(work: Work, reason: str, detail: str) -> OutRecord:
    return dead_letter(
        work.topic, work.partition, work.offset, work.timestamp_ms, work.key, work.value, work.headers,
        stage=STAGE, reason=reason, detail=detail,
    )  # fmt: skip
