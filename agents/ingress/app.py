"""One request, from its head to its answer.

The order of the checks is part of the contract: path, method, who is calling, how often, media type, body, attributes,
room for it. Nothing is read of a body before its sender is known, and nothing is logged for a request: metrics count
them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final, TypeVar

import structlog
from aiohttp import hdrs, web

from agents.ingress.cancellations import Canceller, Named
from agents.ingress.keyed import IDEMPOTENCY_KEY, KeyedSubmitter, bad_key, under_key
from agents.ingress.outstanding import Full, Outstanding
from agents.ingress.previews import previewed
from agents.ingress.protocol import json_api, rate_limits, request_span
from agents.ingress.protocol.body import expects, read_body
from agents.ingress.protocol.responses import Response, bad_request, error
from agents.ingress.receipts.door import PREFIX, ReceiptDoor
from agents.ingress.resources import RESOURCES, Resource
from agents.ingress.submit import Submitter
from agents.serving.authentication import Authenticator
from agents.serving.errors import MEDIA_TYPE, TITLES
from agents.serving.head import is_acceptable, is_compressed
from pipeline.directory.model import Directory
from pipeline.errors import BrokerError, BrokerUnreachable
from pipeline.http.addresses import AddressGuard
from pipeline.idempotency.keys import Verdict
from pipeline.limits.requests import RequestRates
from pipeline.metrics import ACCEPTED, REQUEST_SECONDS, REQUESTS, TRUNK_REQUESTS
from pipeline.settings import IngressSettings
from pipeline.steps.admission.request import Admitted, Terms
from pipeline.steps.prepared_text import AlphabetsOf
from pipeline.tracing.spans import UNTRACED, Span, Tracing
from schemas.directory.trunk import Trunk

_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="HTTP OUT SMS trunk", charset="UTF-8"'}
_ATTRIBUTES: Final = "/data/attributes"
_KEY_HEADER: Final = {"header": str(IDEMPOTENCY_KEY)}
_ACCEPT: Final = {"header": str(hdrs.ACCEPT)}
_REPLAYED: Final = {"Idempotency-Replayed": "true"}

_seconds: Final = REQUEST_SECONDS.labels()
_requests: Final = {status: REQUESTS.labels(str(status)) for status in TITLES}

_outcomes: Final = {200: "previewed", 201: "accepted", 202: "canceled"}

T = TypeVar("T")

Act = Callable[[T, Trunk, web.BaseRequest, bool], Awaitable[Response]]
"""Answers a trunk's request about something. With the last argument its client waits to be told that its body is
wanted."""

log = structlog.get_logger(__name__)


def count(status: int) -> None:
    """Count an answer."""
    _requests[status].inc()


class HttpApi:
    """Answers requests."""

    def __init__(
        self,
        settings: IngressSettings,
        authenticator: Authenticator,
        submitter: Submitter,
        keyed: KeyedSubmitter,
        receipts: ReceiptDoor,
        canceller: Canceller,
        directory: Directory,
        rates: RequestRates,
        *,
        alphabets_of: AlphabetsOf,
        max_segments: int,
        stopping: asyncio.Event,
        callback_addresses: AddressGuard | None = None,
        tracing: Tracing = UNTRACED,
    ) -> None:
        self._settings = settings
        self._authenticator = authenticator
        self._submitter = submitter
        self._keyed = keyed
        self._receipts = receipts
        self._canceller = canceller
        self._directory = directory
        self._rates = rates
        self._alphabets_of = alphabets_of
        self._max_segments = max_segments
        self._stopping = stopping
        self._addresses = callback_addresses or AddressGuard()
        self._tracing = tracing
        self._retry_after = {"Retry-After": str(settings.retry_after_seconds)}
        self.outstanding = Outstanding(settings.max_outstanding, settings.max_outstanding_per_trunk)

    async def answer(self, request: web.BaseRequest) -> Response:
        """Answer one request. An error of ours is logged and becomes a 500."""
        began = perf_counter()
        try:
            answer = await self._answer(request)
        except ConnectionError:
            answer = error(400, "the request was not finished", close=True)  # nobody is there to read it
        except Exception as failure:  # the client gets an answer and we a log line, whatever it is
            log.error("request_failed", path=request.path[:100], error=repr(failure), exc_info=failure)
            answer = error(500, "something went wrong on our side")
        if self._stopping.is_set():
            answer.force_close()
        count(answer.status)
        _seconds.observe(perf_counter() - began)
        return answer

    def _answer(self, request: web.BaseRequest) -> Awaitable[Response]:
        resource = RESOURCES.get(request.raw_path) or RESOURCES.get(request.path)
        if resource is not None:
            return self._for_trunk(request, hdrs.METH_POST, self._take, resource)
        if request.path.startswith(PREFIX):
            return self._receipts.answer(request)
        if (named := Named.of(request.path)) is not None:
            return self._for_trunk(request, hdrs.METH_DELETE, self._cancel, named)
        return _nothing_there()

    async def _for_trunk(self, request: web.BaseRequest, method: str, act: Act[T], what: T) -> Response:
        """Answer who is known and asks no more often than he may: `act` then does what he wants."""
        if request.method != method:
            return error(405, f"only {method} is allowed here", headers={"Allow": method})
        headers = request.headers
        expected = expects(request)
        trunk = self._authenticator.authenticate(
            headers.get(hdrs.AUTHORIZATION, ""), request.remote, headers.getall(hdrs.X_FORWARDED_FOR, ())
        )
        if trunk is None:
            return error(
                401, "wrong credentials, or an address that is not allowed", headers=_CHALLENGE, close=expected
            )
        asked = self._rates.ask(trunk)
        refused = None if asked is None else rate_limits.refused(asked, close=expected)
        answer = await act(what, trunk, request, expected) if refused is None else refused
        if asked is not None:
            answer.add(rate_limits.fields(asked))
        TRUNK_REQUESTS.add(trunk.id, _outcomes.get(answer.status, "refused"))
        return answer

    async def _cancel(self, named: Named, trunk: Trunk, request: web.BaseRequest, expected: bool) -> Response:
        """Answer one who wants that a message, or a bulk, be not sent."""
        if hdrs.ACCEPT in request.headers and not is_acceptable(request.headers):
            return error(406, f"Accept must allow {MEDIA_TYPE} without parameters", source=_ACCEPT, close=expected)
        if (full := self._full(trunk.id, 1)) is not None:
            return full
        try:
            await self._canceller.cancel(trunk.id, named)
        except BrokerError:
            # To ask again does no harm, whether this has been stored or not.
            return error(503, "this cannot be stored right now: ask again", headers=self._retry_after)
        finally:
            self.outstanding.give_back(trunk.id, 1)
        return named.accepted()

    def _take(self, resource: Resource, trunk: Trunk, request: web.BaseRequest, expected: bool) -> Awaitable[Response]:
        """Answer one who wants to send, or to know what would come of it."""
        span = None if resource.preview else request_span.begin(self._tracing, request.path, request.headers)
        taking = self._take_in_span(resource, trunk, request, expected, span)
        return taking if span is None else request_span.ended(span, taking)

    async def _take_in_span(
        self, resource: Resource, trunk: Trunk, request: web.BaseRequest, expected: bool, span: Span | None
    ) -> Response:
        headers = request.headers
        media_type = headers.get(hdrs.CONTENT_TYPE, "")
        if media_type != MEDIA_TYPE and media_type.lower() != MEDIA_TYPE:
            return error(415, f"Content-Type must be {MEDIA_TYPE} without parameters", close=expected)
        if hdrs.CONTENT_ENCODING in headers and is_compressed(headers):
            return error(415, "the body must not be compressed", close=expected)
        if hdrs.ACCEPT in headers and not is_acceptable(headers):
            return error(406, f"Accept must allow {MEDIA_TYPE} without parameters", source=_ACCEPT, close=expected)
        keys = headers.getall(IDEMPOTENCY_KEY, ())
        if keys and (problem := bad_key(keys)):
            return error(400, problem, source=_KEY_HEADER, close=expected)
        settings = self._settings
        body = await read_body(request, settings.max_body_bytes, settings.read_timeout_seconds, expected=expected)
        if not isinstance(body, bytes):
            return body
        try:
            document = json_api.parse(body)
        except json_api.Malformed as malformed:
            return bad_request([("", str(malformed))])
        submission = self._admit(resource, trunk, document, may_repeat=bool(keys))
        if not isinstance(submission, Admitted):
            return submission
        if resource.preview:
            return previewed(self._directory, submission, self._alphabets_of)
        if keys:
            submission = under_key(submission, keys[0], resource.type)
        return await self._submit(resource, submission if span is None else request_span.traced(submission, span))

    def _admit(self, resource: Resource, trunk: Trunk, document: Any, *, may_repeat: bool) -> Admitted | Response:
        attributes, problems = json_api.resource(document, resource.type)
        if attributes is None:
            return bad_request(problems)
        terms = Terms(
            trunk.id,
            self._max_segments,
            self._authenticator.number_check(trunk),
            self._directory.takes_short_codes(trunk.account_id),
            trunk.smart_encoding,
            may_repeat,
        )
        admitted = resource.admit(attributes, terms, datetime.now(UTC))
        if isinstance(admitted, Admitted):
            if admitted.callback_url is not None and (problem := self._addresses.problem(admitted.callback_url)):
                problems.append((f"{_ATTRIBUTES}/callback_url", f"callback_url {problem}"))
            return bad_request(problems) if problems else admitted
        return bad_request([*problems, *((_ATTRIBUTES + pointer, detail) for pointer, detail in admitted)])

    async def _submit(self, resource: Resource, submission: Admitted) -> Response:
        messages = submission.messages
        if (full := self._full(submission.trunk_id, len(messages))) is not None:
            return full
        try:
            if submission.idempotency_key is None:
                await self._submitter.submit(submission.trunk_id, submission.to_bytes(), trace=submission.trace)
            elif (verdict := await self._keyed.submit(submission)) is Verdict.CONFLICTS:
                return error(409, "the Idempotency-Key belongs to another request", source=_KEY_HEADER)
            elif verdict is Verdict.REPEATS:
                return resource.created(submission, _REPLAYED)
        except BrokerUnreachable:
            return error(503, "messages cannot be taken right now: none was sent", headers=self._retry_after)
        except BrokerError:
            return self._in_doubt(resource, messages)
        finally:
            self.outstanding.give_back(submission.trunk_id, len(messages))
        ACCEPTED.inc(len(messages))
        return resource.created(submission)

    def _full(self, trunk_id: str, count: int) -> Response | None:
        """Return the answer where no more messages can be in progress; else they are, until they are given back."""
        full = self.outstanding.take(trunk_id, count)
        if full is None:
            return None
        if full is Full.TRUNK:
            return error(429, "too many messages of this trunk are in progress", headers=self._retry_after)
        return error(503, "too many messages are in progress", headers=self._retry_after)

    def _in_doubt(self, resource: Resource, messages: Sequence[tuple[str, str]]) -> Response:
        meta: dict[str, Any]
        if resource.bulk:
            meta = {"messages": [{"id": message_id, "destination": to} for message_id, to in messages]}
        else:
            meta = {"message_id": messages[0][0]}
        detail = "not confirmed in time: it may or may not be sent, and if it is, it has this id"
        return error(503, detail, meta=meta, headers=self._retry_after)


async def _nothing_there() -> Response:
    return error(404, "there is no such resource")
