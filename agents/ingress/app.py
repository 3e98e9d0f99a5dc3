"""One request, from its head to its answer.

The order of the checks is part of the contract: path, method, who is calling, media type, body, attributes, room for
it. Nothing is read of a body before its sender is known, and nothing is logged for a request: metrics count them.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

import structlog
from aiohttp import hdrs, web

from agents.ingress import json_api
from agents.ingress.body import expects, read_body
from agents.ingress.keyed import IDEMPOTENCY_KEY, KeyedSubmitter, bad_key, under_key
from agents.ingress.outstanding import Full, Outstanding
from agents.ingress.previews import KIND, previewed
from agents.ingress.receipts.door import PREFIX, ReceiptDoor
from agents.ingress.responses import Response, bad_request, created, created_bulk, echoed, error
from agents.ingress.submit import Submitter
from agents.serving.authentication import Authenticator
from agents.serving.errors import MEDIA_TYPE, TITLES
from agents.serving.head import is_acceptable, is_compressed
from pipeline.directory.model import Directory
from pipeline.errors import BrokerError, BrokerUnreachable
from pipeline.idempotency.keys import Verdict
from pipeline.metrics import ACCEPTED, REQUEST_SECONDS, REQUESTS, TRUNK_REQUESTS
from pipeline.settings import IngressSettings
from pipeline.steps.admission import Admitted, Problem, admit, admit_bulk
from schemas.directory.trunk import Trunk

_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="HTTP OUT SMS trunk", charset="UTF-8"'}
_ATTRIBUTES: Final = "/data/attributes"
_KEY_HEADER: Final = {"header": str(IDEMPOTENCY_KEY)}
_ACCEPT: Final = {"header": str(hdrs.ACCEPT)}
_REPLAYED: Final = {"Idempotency-Replayed": "true"}

_seconds: Final = REQUEST_SECONDS.labels()
_requests: Final = {status: REQUESTS.labels(str(status)) for status in TITLES}

_outcomes: Final = {200: "previewed", 201: "accepted"}

log = structlog.get_logger(__name__)


def count(status: int) -> None:
    """Count an answer."""
    _requests[status].inc()


@dataclass(frozen=True, slots=True)
class Resource:
    """One of the two ways to send, or to ask what would come of it: its type, how it is admitted, how answered."""

    type: str
    admit: Callable[..., Admitted | list[Problem]]
    bulk: bool = False
    preview: bool = False

    def created(self, submission: Admitted, headers: Mapping[str, str] | None = None) -> Response:
        """Return a 201 for the messages of a submission."""
        messages, echo = submission.messages, echoed(submission.client_reference, submission.tags)
        return created_bulk(messages, headers, echo) if self.bulk else created(messages[0][0], headers, echo)


RESOURCES: Final = {
    "/outbound_messages": Resource("outbound_messages", admit),
    "/bulk_outbound_messages": Resource("bulk_outbound_messages", admit_bulk, bulk=True),
    f"/{KIND}": Resource(KIND, admit, preview=True),
}


class HttpApi:
    """Answers requests."""

    def __init__(
        self,
        settings: IngressSettings,
        authenticator: Authenticator,
        submitter: Submitter,
        keyed: KeyedSubmitter,
        receipts: ReceiptDoor,
        directory: Directory,
        *,
        max_segments: int,
        stopping: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._authenticator = authenticator
        self._submitter = submitter
        self._keyed = keyed
        self._receipts = receipts
        self._directory = directory
        self._max_segments = max_segments
        self._stopping = stopping
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

    async def _answer(self, request: web.BaseRequest) -> Response:
        resource = RESOURCES.get(request.raw_path) or RESOURCES.get(request.path)
        if resource is None:
            if request.path.startswith(PREFIX):
                return await self._receipts.answer(request)
            return error(404, "there is no such resource")
        if request.method != hdrs.METH_POST:
            return error(405, "only POST is allowed here", headers={"Allow": "POST"})
        headers = request.headers
        expected = expects(request)
        trunk = self._authenticator.authenticate(
            headers.get(hdrs.AUTHORIZATION, ""), request.remote, headers.getall(hdrs.X_FORWARDED_FOR, ())
        )
        if trunk is None:
            return error(
                401, "wrong credentials, or an address that is not allowed", headers=_CHALLENGE, close=expected
            )
        answer = await self._answer_to(trunk, resource, request, expected=expected)
        TRUNK_REQUESTS.add(trunk.id, _outcomes.get(answer.status, "refused"))
        return answer

    async def _answer_to(
        self, trunk: Trunk, resource: Resource, request: web.BaseRequest, *, expected: bool
    ) -> Response:
        """Answer one whose sender is known."""
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
        if isinstance(body, Response):
            return body
        try:
            document = json_api.parse(body)
        except json_api.Malformed as malformed:
            return bad_request([("", str(malformed))])
        submission = self._admit(resource, trunk, document)
        if isinstance(submission, Response):
            return submission
        if resource.preview:
            return previewed(self._directory, submission)
        return await self._submit(resource, under_key(submission, keys[0], resource.type) if keys else submission)

    def _admit(self, resource: Resource, trunk: Trunk, document: Any) -> Admitted | Response:
        attributes, problems = json_api.resource(document, resource.type)
        if attributes is None:
            return bad_request(problems)
        admitted = resource.admit(
            attributes,
            trunk_id=trunk.id,
            max_segments=self._max_segments,
            now=datetime.now(UTC),
            number_check=self._authenticator.number_check(trunk),
        )
        if isinstance(admitted, Admitted):
            return bad_request(problems) if problems else admitted
        return bad_request([*problems, *((_ATTRIBUTES + pointer, detail) for pointer, detail in admitted)])

    async def _submit(self, resource: Resource, submission: Admitted) -> Response:
        messages = submission.messages
        full = self.outstanding.take(submission.trunk_id, len(messages))
        if full is Full.TRUNK:
            return error(429, "too many messages of this trunk are in progress", headers=self._retry_after)
        if full is Full.ALL:
            return error(503, "too many messages are in progress", headers=self._retry_after)
        try:
            if submission.idempotency_key is None:
                await self._submitter.submit(submission.trunk_id, submission.to_bytes())
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

    def _in_doubt(self, resource: Resource, messages: Sequence[tuple[str, str]]) -> Response:
        meta: dict[str, Any]
        if resource.bulk:
            meta = {"messages": [{"id": message_id, "destination": to} for message_id, to in messages]}
        else:
            meta = {"message_id": messages[0][0]}
        detail = "not confirmed in time: it may or may not be sent, and if it is, it has this id"
        return error(503, detail, meta=meta, headers=self._retry_after)
