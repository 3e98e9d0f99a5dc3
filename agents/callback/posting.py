"""One POST to an endpoint: signed, with what its trunk wants it to show; and what its end says about the endpoint."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter, time
from typing import Final, NamedTuple

from agents.callback.attempts import Failure
from agents.callback.identity import Identities
from agents.callback.line_up import Notification
from agents.callback.reschedule import STAGE
from pipeline.callbacks.endpoint import Endpoint, shows_identity
from pipeline.callbacks.notification import CONTENT_TYPE
from pipeline.callbacks.signing import signed_headers
from pipeline.errors import InDoubt, NotSent, PostFailed, Refused
from pipeline.failpoints import failpoint
from pipeline.http.client import Answer, HttpPoster
from pipeline.metrics import POST_SECONDS, POSTS
from pipeline.posting.dispatcher import Turn
from pipeline.posting.intake import Entry
from pipeline.posting.peers.peer import News
from pipeline.posting.retry_after import retry_after_seconds
from pipeline.tracing.spans import MESSAGE_ID, STATUS_CODE, Attribute, SpanKind, Tracing
from schemas.directory.trunk import Trunk
from schemas.headers.trace import TraceContext, trace_of

ACCEPTED: Final = "accepted"
_TOO_MANY_REQUESTS: Final = 429
_UNAVAILABLE: Final = 503

posts = {
    outcome: POSTS.labels(STAGE, outcome)
    for outcome in (ACCEPTED, "answered", NotSent.code, InDoubt.code, Refused.code)
}
_seconds = POST_SECONDS.labels(STAGE)


class Posted(NamedTuple):
    """How a POST went that began at `began_at` (Unix time): without a `failure` it was accepted.

    The endpoint has asked for `pause_seconds` of peace.
    """

    began_at: float
    seconds: float
    status_code: int = 0
    failure: Failure | None = None
    pause_seconds: float = 0.0


class EndpointPoster:
    """Posts, and lets the peer learn from it."""

    def __init__(self, poster: HttpPoster, identities: Identities, tracing: Tracing) -> None:
        self._poster = poster
        self._tracing = tracing
        self._identities = identities
        self._accepted = 0

    def report(self) -> None:
        """Bring the metrics up to date: a success leaves only a number behind, which is counted here with others."""
        accepted, self._accepted = self._accepted, 0
        posts[ACCEPTED].inc(accepted)

    async def reach(self, trunk: Trunk, url: str) -> bool:
        """Tell whether one of a trunk's endpoints can be connected to."""
        try:
            identity = self._identities.of(trunk)
        except Refused:
            return True  # a notification that is tried says what is wrong
        return await self._poster.reach(url, tls=None if identity is None else identity.tls)

    async def post(
        self,
        turn: Turn[Entry[Notification]],
        trunk: Trunk,
        endpoint: Endpoint,
        told: Sequence[Notification],
        webhook_id: str,
        body: bytes,
    ) -> Posted:
        """Make one POST, which tells of all of `told`. URL, secrets and what it shows are those of this moment."""
        began_at, started = time(), perf_counter()
        try:
            headers, tls = signed_headers(trunk.callback_secrets, webhook_id, began_at, body), None
            headers["content-type"] = CONTENT_TYPE
            if trunk.callbacks is not None and shows_identity(trunk, endpoint):
                identity = self._identities.of(trunk)
                if identity is not None:
                    headers, tls = {**identity.headers, **headers}, identity.tls
            traced = _traced(told)
            failpoint("callback.before_post")
            if traced is None:
                answer = await self._poster.post(endpoint.url, headers, body, tls=tls)
            else:
                answer = await self._post_traced(told, traced, endpoint.url, headers, body, tls)
        except PostFailed as error:
            seconds, failure = perf_counter() - started, Failure(error=f"{error.code}: {error}")
            turn.learn(News.UNREACHABLE if isinstance(error, NotSent) else News.SILENT, seconds, str(failure))
            return _failed(error.code, began_at, seconds, failure)
        except Refused as error:  # nothing was sent, so it says nothing about the endpoint
            failure = Failure(error=f"{error.code}: {error}")
            return _failed(Refused.code, began_at, perf_counter() - started, failure)
        seconds, code = perf_counter() - started, answer.status
        _seconds.observe(seconds)
        if 200 <= code < 300:
            failpoint("callback.after_post")
            self._accepted += 1
            turn.learn(News.ANSWERED, seconds)
            return Posted(began_at, seconds, code)
        failure, pause_seconds = Failure(status_code=code, answer=answer.body), None
        if code in (_TOO_MANY_REQUESTS, _UNAVAILABLE):
            pause_seconds = retry_after_seconds(answer.retry_after, datetime.now(UTC))
        turn.learn(_news_of(code), seconds, str(failure), pause_seconds)
        return _failed("answered", began_at, seconds, failure, pause_seconds or 0.0)

    async def _post_traced(
        self,
        told: Sequence[Notification],
        traced: Sequence[tuple[Notification, TraceContext]],
        url: str,
        headers: dict[str, str],
        body: bytes,
        tls: ssl.SSLContext | None,
    ) -> Answer:
        """Post what belongs to traces. The endpoint learns of a trace where the whole POST belongs to it."""
        spans = [(self._tracing.span("POST callback", context, SpanKind.CLIENT), it) for it, context in traced]
        if len(told) == 1:
            [(span, _)], [(_, context)] = spans, traced
            headers = headers | (span.context or context).http_headers()
        more: dict[str, Attribute] = {}
        error: str | None = "not taken"
        try:
            answer = await self._poster.post(url, headers, body, tls=tls)
            more = {STATUS_CODE: answer.status}
            if 200 <= answer.status < 300:
                error = None
        except Exception as failure:
            error = type(failure).__name__
            raise
        finally:
            for span, it in spans:
                about: dict[str, Attribute] = {
                    MESSAGE_ID: it.status.message_id,
                    "smsout.stage": it.status.stage.value,
                    "smsout.attempt": it.attempt,
                }
                span.end(about | more, error=error)
        return answer


def _traced(told: Sequence[Notification]) -> list[tuple[Notification, TraceContext]] | None:
    """Return those that belong to a trace, None for none."""
    contexts = [(it, trace_of(it.work.record.headers)) for it in told]
    return [(it, context) for it, context in contexts if context is not None] or None


def _failed(outcome: str, began_at: float, seconds: float, failure: Failure, pause_seconds: float = 0.0) -> Posted:
    failpoint("callback.after_post")
    posts[outcome].inc()
    return Posted(began_at, seconds, failure=failure, pause_seconds=pause_seconds)


def _news_of(code: int) -> News:
    if code == _TOO_MANY_REQUESTS:
        return News.THROTTLED
    if code == _UNAVAILABLE:
        return News.UNAVAILABLE
    # Redirects are answers too: following one would post to an address that the customer has not set.
    return News.SILENT if code >= 500 else News.ANSWERED
