"""Carriers' delivery receipts: `POST|GET /carriers/<name>/receipts/<signed reference>`.

The reference is checked before anything else: nothing is read of, or looked up for, whoever was not given one. A
carrier that can be given no address for each message posts to `/carriers/<name>/receipts` with its token, as `token` in
the query or as a bearer token (RFC 6750), and names what it means by its own message ids.

A receipt is answered when the broker has it, so that a carrier whose receipt is lost posts it again; one that has been
stored before is answered at the cost of reading it.
"""

import hmac
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Protocol
from urllib.parse import unquote

from aiohttp import hdrs, web
from pydantic import ValidationError

from agents.ingress.protocol.body import expects, read_body
from agents.ingress.protocol.responses import Response, error
from agents.ingress.writing import RecordWriter
from agents.serving.head import is_compressed
from pipeline.carriers.profile_form.receipts import AnswerForm
from pipeline.carriers.receipt import ReceiptReport, ReceiptRequest
from pipeline.carriers.receipt_reference import TOKEN, receipt_token, verify
from pipeline.directory.model import Directory
from pipeline.errors import BadReceipt, BrokerError, RuleViolated
from pipeline.metrics import RECEIPTS
from pipeline.settings import IngressSettings
from schemas.directory.carrier import Carrier
from schemas.messages.dlr import SegmentReceipt, UnmatchedReceipt, carrier_key
from schemas.record import OutRecord
from schemas.topics import DLR_RECEIVED, DLR_UNMATCHED

PREFIX: Final = "/carriers/"
MAX_BODY_BYTES: Final = 65_536
MAX_REPORTS: Final = 1000
REMEMBERED: Final = 50_000
"""Receipts that were stored lately: 16 bytes each, some 10 MB with what Python needs to find them."""

_ADDRESS: Final = re.compile(r"/carriers/([^/]{1,900})/receipts(?:/([^/]{1,128}))?")
_METHODS: Final = (hdrs.METH_POST, hdrs.METH_GET)
_taken, _repeated, _refused, _not_stored = (
    RECEIPTS.labels(it) for it in ("taken", "repeated", "refused", "not_stored")
)


class ReceiptReader(Protocol):
    """What is used of `ProfileBook`."""

    def read_receipt(self, carrier: Carrier, request: ReceiptRequest) -> Sequence[ReceiptReport]:
        """Read what a carrier has posted. Raises `BadReceipt`, and `RuleViolated` where its profile does not work."""

    def answer_to_receipts(self, carrier: Carrier) -> AnswerForm | None:
        """Return what the carrier wants to hear."""


class ReceiptDoor:
    """Answers carriers. `key` is what references are signed with."""

    def __init__(
        self,
        settings: IngressSettings,
        key: bytes,
        directory: Directory,
        profiles: ReceiptReader,
        writer: RecordWriter,
    ) -> None:
        self._settings = settings
        self._key = key
        self._directory = directory
        self._profiles = profiles
        self._writer = writer
        self._retry_after = {"Retry-After": str(settings.retry_after_seconds)}
        self._stored: OrderedDict[bytes, None] = OrderedDict()

    async def answer(self, request: web.BaseRequest) -> Response:
        """Answer one request below `/carriers/`."""
        address = _ADDRESS.fullmatch(request.rel_url.raw_path)
        if address is None:
            return error(404, "there is no such resource")
        if request.method not in _METHODS:
            return error(405, "only POST and GET are allowed here", headers={"Allow": "POST, GET"})
        name, reference = unquote(address[1]), address[2]
        segment_id = None if reference is None else verify(name, reference, self._key)
        expected = expects(request)
        if segment_id is None and (reference is not None or not self._has_token(request, name)):
            _refused.inc()
            return error(403, "this is not an address that we have given to this carrier", close=True)
        carrier = self._directory.carrier_named(name)
        if carrier is None:
            _refused.inc()
            return error(404, "there is no such carrier any more", close=expected)
        if hdrs.CONTENT_ENCODING in request.headers and is_compressed(request.headers):
            return error(415, "the body must not be compressed", close=expected)
        body = await read_body(request, MAX_BODY_BYTES, self._settings.read_timeout_seconds, expected=expected)
        if not isinstance(body, bytes):
            _refused.inc()
            return body
        try:
            reports = self._profiles.read_receipt(carrier, _as_read(request, body))
        except BadReceipt as bad:
            _refused.inc()
            return error(400, f"no receipt of this carrier: {bad}")
        except RuleViolated:
            _not_stored.inc()
            return error(503, "receipts of this carrier cannot be read right now", headers=self._retry_after)
        if len(reports) > MAX_REPORTS:
            _refused.inc()
            return error(400, f"there are more than {MAX_REPORTS} reports in one receipt")
        return await self._take(carrier, segment_id, reports) or _answered(self._profiles.answer_to_receipts(carrier))

    def _has_token(self, request: web.BaseRequest, name: str) -> bool:
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer":
            token = request.rel_url.query.get(TOKEN, "")
        return hmac.compare_digest(token.strip().encode(), receipt_token(name, self._key).encode())

    async def _take(
        self, carrier: Carrier, segment_id: str | None, reports: Sequence[ReceiptReport]
    ) -> Response | None:
        """Store what is new of `reports`, all about one segment, or each about what its own id stands for.

        Returns why not; None when all is stored.
        """
        now = datetime.now(UTC)
        new: dict[bytes, OutRecord] = {}
        for report in reports:
            mark = _mark(carrier.id, segment_id, report)
            if mark in self._stored:
                continue
            try:
                new[mark] = _record(carrier.id, segment_id, report, now)
            except ValidationError:  # of an id that is missing, or too long
                _refused.inc()
                return error(400, "a report does not name what it is about")
        _repeated.inc(len(reports) - len(new))
        if new:
            try:
                await self._writer.write(list(new.values()))
            except BrokerError:
                _not_stored.inc(len(new))
                return error(503, "receipts cannot be stored right now: post it again", headers=self._retry_after)
            _taken.inc(len(new))
            self._remember(new)
        return None

    def _remember(self, marks: Iterable[bytes]) -> None:
        for mark in marks:
            self._stored[mark] = None
        while len(self._stored) > REMEMBERED:
            self._stored.popitem(last=False)


def _answered(wanted: AnswerForm | None) -> Response:
    """Return what the carrier wants to hear."""
    return Response(200, b"" if wanted is None else wanted.body.encode(), media_type="text/plain")


def _as_read(request: web.BaseRequest, body: bytes) -> ReceiptRequest:
    return ReceiptRequest(
        request.method,
        tuple((name, value) for name, value in request.rel_url.query.items() if name != TOKEN),
        request.headers.get(hdrs.CONTENT_TYPE, ""),
        body,
    )


def _record(carrier_id: str, segment_id: str | None, report: ReceiptReport, now: datetime) -> OutRecord:
    if segment_id is None:
        unmatched = UnmatchedReceipt(
            carrier_id=carrier_id,
            carrier_message_id=report.carrier_message_id or "",
            state=report.state,
            error_code=report.error_code,
            done_at=report.done_at,
            received_at=now,
        )
        return OutRecord(DLR_UNMATCHED, carrier_key(carrier_id, unmatched.carrier_message_id), unmatched.to_bytes())
    message_id, _, seqnum = segment_id.rpartition(":")
    receipt = SegmentReceipt(
        message_id=message_id,
        seqnum=int(seqnum),
        carrier_id=carrier_id,
        carrier_message_id=report.carrier_message_id,
        state=report.state,
        error_code=report.error_code,
        done_at=report.done_at,
        received_at=now,
    )
    return OutRecord(DLR_RECEIVED, message_id.encode(), receipt.to_bytes())


def _mark(carrier_id: str, segment_id: str | None, report: ReceiptReport) -> bytes:
    """Return what tells a receipt from others; when it was made is not part of it."""
    said = f"{carrier_id}\0{segment_id}\0{report.state:d}\0{report.carrier_message_id}\0{report.error_code}"
    return blake2b(said.encode(errors="surrogatepass"), digest_size=16).digest()
