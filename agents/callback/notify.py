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
from agents.callback.following import DISABLED, GONE, STAGE, UNREADABLE, deferral_of, failure_of, refused
from agents.callback.read import Notification, Unreadable, origin_of, url_to_notify
from pipeline.callbacks.endpoint_health import EndpointHealth, Endpoints
from pipeline.callbacks.notification import CONTENT_TYPE, body_of
from pipeline.callbacks.signing import signed_headers
from pipeline.errors import InDoubt, NotSent, PostFailed, Refused
from pipeline.failpoints import failpoint
from pipeline.http.client import HttpPoster
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.metrics import MESSAGES, POST_SECONDS, POSTS
from pipeline.posting.retry_after import retry_after_seconds
from schemas.directory.trunk import Trunk
from schemas.record import OutRecord

log = structlog.get_logger(__name__)

UNKNOWN: Final = "unknown"
"""Stands for an endpoint where the trunk has to be looked up first."""

ACCEPTED = "accepted"
_posts = {
    outcome: POSTS.labels(STAGE, outcome)
    for outcome in (ACCEPTED, "answered", NotSent.code, InDoubt.code, Refused.code)
}
_seconds = POST_SECONDS.labels(STAGE)
_notified = MESSAGES.labels(STAGE, "notified")
_nobody_to_notify = MESSAGES.labels(STAGE, "nobody-to-notify")


class Notifier:
    """Makes attempts. Every record goes through `endpoint_for` once and then, in a pool, to a call or to `defer`."""

    def __init__(
        self,
        view: DirectoryView,
        poster: HttpPoster,
        endpoints: Endpoints,
        attempt_log: AttemptLog,
        delays_seconds: tuple[int, ...],
    ) -> None:
        self._endpoints = endpoints
        self._view = view
        self._poster = poster
        self._attempt_log = attempt_log
        self._delays_seconds = delays_seconds
        self._disabled = DisabledEndpoints()
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

    def endpoint_for(self, item: Notification | Unreadable) -> EndpointHealth | None:
        """Return the endpoint that `item` has to wait for; None when it has ended without one."""
        work = item.work
        if isinstance(item, Unreadable):
            _end(work, [refused(work, UNREADABLE, item.detail)])
            return None
        trunk = self._view.directory.trunk(item.status.trunk_id)
        if trunk is None:
            return self._endpoints.of(UNKNOWN)
        url, following = self._url_of(item, trunk)
        if url is None:
            _end(work, following)
            return None
        return self._endpoints.of(origin_of(url))

    def defer(self, health: EndpointHealth, notification: Notification) -> None:
        """Move a notification on to a retry tier without an attempt."""
        if notification.work.begin():
            self._move_on(health, notification)

    def _move_on(self, health: EndpointHealth, notification: Notification) -> None:
        why = "too many wait for the endpoint" if health.closed else "the endpoint takes nothing now"
        at_least_seconds, soon = health.defer()
        following = deferral_of(
            notification, why, datetime.now(UTC), self._delays_seconds, at_least_seconds, soon=soon
        )  # fmt: skip
        notification.work.finish([following])

    async def __call__(self, health: EndpointHealth, notification: Notification) -> None:
        """Make one attempt, if the endpoint takes one. URL and secrets are those of this moment."""
        work = notification.work
        if not health.admit():
            self.defer(health, notification)
            return
        if not work.begin():
            health.left()
            return
        trunk = self._view.directory.trunk(notification.status.trunk_id)
        if trunk is None:
            await self._catch_up_with(work)
            trunk = self._view.directory.trunk(notification.status.trunk_id)
        if trunk is None:
            _nobody_to_notify.inc()
            health.left()
            work.finish()
            return
        url, following = self._url_of(notification, trunk)
        if url is None:
            health.left()
            work.finish(following)
            return
        if health.origin != (origin := origin_of(url)):  # looked up just now, or changed while it was queued
            health.left()
            health = self._endpoints.of(origin)
            if not health.admit():
                self._move_on(health, notification)
                return
        try:
            body = body_of(notification.status)
        except (ArithmeticError, ValueError) as error:  # a time before the calendar's, a price beyond all bounds
            health.left()
            work.finish([refused(work, UNREADABLE, f"no body can be made: {error!r}")])
            return
        await self._post(health, notification, trunk, url, body)

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
        self, health: EndpointHealth, notification: Notification, trunk: Trunk, url: str, body: bytes
    ) -> None:
        began_at, started = time(), perf_counter()
        pause_seconds: float | None = None
        try:
            headers = signed_headers(trunk.callback_secrets, notification.status.webhook_id, began_at, body)
            headers["content-type"] = CONTENT_TYPE
            answer = await self._poster.post(url, headers, body)
        except PostFailed as error:
            seconds = perf_counter() - started
            health.failed(seconds)
            outcome, failure = error.code, Failure(error=f"{error.code}: {error}")
        except Refused as error:  # nothing was sent, so it says nothing about the endpoint
            seconds = perf_counter() - started
            health.left()
            outcome, failure = Refused.code, Failure(error=f"{error.code}: {error}")
        else:
            seconds = perf_counter() - started
            code = answer.status
            if 200 <= code < 300:
                failpoint("callback.after_post")
                health.answered(seconds)
                self._seconds_of_accepted.append(seconds)
                event = attempts.accepted(notification, health.origin, began_at, seconds, code)
                self._attempt_log.add(notification.work, event)
                return
            _seconds.observe(seconds)
            if code >= 500 or code == 429:
                health.failed(seconds)
                if code in (429, 503):
                    pause_seconds = retry_after_seconds(answer.retry_after, datetime.now(UTC))
            else:
                # Redirects too: following one would post to an address that the customer has not set.
                health.answered(seconds)
            if pause_seconds is not None:
                health.pause(pause_seconds)
            outcome, failure = "answered", Failure(status_code=code, answer=answer.body)
        failpoint("callback.after_post")
        _posts[outcome].inc()
        self._fail(notification, trunk, health.origin, (began_at, seconds), failure, pause_seconds or 0.0)

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
        if failure.status_code == 410:
            self._disabled.add(trunk)
            log.warning("endpoint_disabled", trunk_id=trunk.id, endpoint=origin)
            following = refused(work, GONE, f"attempt {notification.attempt}: {origin} answered 410")
        else:
            following = failure_of(
                notification, str(failure), datetime.now(UTC), self._delays_seconds, at_least_seconds
            )  # fmt: skip
        work.finish([attempts.failed(notification, origin, *when, failure), following])


def _end(work: Work, following: list[OutRecord]) -> None:
    """Finish a record at once."""
    if work.begin():
        work.finish(following)
