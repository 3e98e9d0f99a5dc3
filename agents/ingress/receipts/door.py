"""Carriers' delivery receipts: `POST|GET /carriers/<name>/receipts/<signed reference>`.

The reference is checked before anything else: nothing is read of, or looked up for, whoever was not given one. A
receipt is answered when the broker has it, so that a carrier whose receipt is lost posts it again; one that has been
stored before is answered at the cost of reading it.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final
from urllib.parse import unquote

from aiohttp import hdrs, web

from agents.ingress.body import expects, read_body
from agents.ingress.receipts.writer import ReceiptWriter
from agents.ingress.responses import Response, error
from agents.serving.head import is_compressed
from pipeline.carriers.receipt import ReceiptReport, ReceiptRequest
from pipeline.carriers.receipt_reference import verify
from pipeline.directory.model import Directory
from pipeline.errors import BadReceipt, BrokerError
from pipeline.metrics import RECEIPTS
from pipeline.settings import IngressSettings
from schemas.directory.carrier import Carrier
from schemas.dlr import SegmentReceipt

PREFIX: Final = "/carriers/"
MAX_BODY_BYTES: Final = 65_536
MAX_REPORTS: Final = 1000
REMEMBERED: Final = 50_000
"""Receipts that were stored lately: 16 bytes each, some 10 MB with what Python needs to find them."""

_ADDRESS: Final = re.compile(r"/carriers/([^/]{1,900})/receipts/([^/]{1,128})")
_METHODS: Final = (hdrs.METH_POST, hdrs.METH_GET)
_taken, _repeated, _refused, _not_stored = (
    RECEIPTS.labels(it) for it in ("taken", "repeated", "refused", "not_stored")
)

ReadReceipt = Callable[[Carrier, ReceiptRequest], Sequence[ReceiptReport]]
"""Reads what a carrier has posted. Raises `BadReceipt`."""


class ReceiptDoor:
    """Responses carriers. `key` is what references are signed with."""

    def __init__(
        self, settings: IngressSettings, key: bytes, directory: Directory, read: ReadReceipt, writer: ReceiptWriter
    ) -> None:
        self._settings = settings
        self._key = key
        self._directory = directory
        self._read = read
        self._writer = writer
        self._retry_after = {"Retry-After": str(settings.retry_after_seconds)}
        self._stored: OrderedDict[bytes, None] = OrderedDict()

    async def answer(self, request: web.BaseRequest) -> Response:
        """Response one request below `/carriers/`."""
        address = _ADDRESS.fullmatch(request.rel_url.raw_path)
        if address is None:
            return error(404, "there is no such resource")
        if request.method not in _METHODS:
            return error(405, "only POST and GET are allowed here", headers={"Allow": "POST, GET"})
        name = unquote(address[1])
        segment_id = verify(name, address[2], self._key)
        expected = expects(request)
        if segment_id is None:
            _refused.inc()
            return error(403, "this is not an address that we have given to this carrier", close=True)
        carrier = self._directory.carrier_named(name)
        if carrier is None:
            _refused.inc()
            return error(404, "there is no such carrier any more", close=expected)
        if hdrs.CONTENT_ENCODING in request.headers and is_compressed(request.headers):
            return error(415, "the body must not be compressed", close=expected)
        body = await read_body(request, MAX_BODY_BYTES, self._settings.read_timeout_seconds, expected=expected)
        if isinstance(body, Response):
            _refused.inc()
            return body
        try:
            reports = self._read(carrier, _as_read(request, body))
        except BadReceipt as bad:
            _refused.inc()
            return error(400, str(bad))
        if len(reports) > MAX_REPORTS:
            _refused.inc()
            return error(400, f"there are more than {MAX_REPORTS} reports in one receipt")
        return await self._take(carrier, segment_id, reports)

    async def _take(self, carrier: Carrier, segment_id: str, reports: Sequence[ReceiptReport]) -> Response:
        """Store what is new of `reports`, which are all about one segment."""
        message_id, _, seqnum = segment_id.rpartition(":")
        now = datetime.now(UTC)
        new: dict[bytes, SegmentReceipt] = {}
        for report in reports:
            mark = _mark(carrier.id, segment_id, report)
            if mark not in self._stored:
                new[mark] = SegmentReceipt(
                    message_id=message_id,
                    seqnum=int(seqnum),
                    carrier_id=carrier.id,
                    carrier_message_id=report.carrier_message_id,
                    state=report.state,
                    error_code=report.error_code,
                    done_at=report.done_at,
                    received_at=now,
                )
        _repeated.inc(len(reports) - len(new))
        if new:
            try:
                await self._writer.write(list(new.values()))
            except BrokerError:
                _not_stored.inc(len(new))
                return error(503, "receipts cannot be stored right now: post it again", headers=self._retry_after)
            _taken.inc(len(new))
            self._remember(new)
        return Response(200, b'{"meta":{"receipts":%d}}' % len(reports))

    def _remember(self, marks: Iterable[bytes]) -> None:
        for mark in marks:
            self._stored[mark] = None
        while len(self._stored) > REMEMBERED:
            self._stored.popitem(last=False)


def _as_read(request: web.BaseRequest, body: bytes) -> ReceiptRequest:
    return ReceiptRequest(
        request.method,
        tuple(request.rel_url.query.items()),
        request.headers.get(hdrs.CONTENT_TYPE, ""),
        body,
    )


def _mark(carrier_id: str, segment_id: str, report: ReceiptReport) -> bytes:
    """Return what tells a receipt from others; when it was made is not part of it."""
    said = f"{carrier_id}\0{segment_id}\0{report.state:d}\0{report.carrier_message_id}\0{report.error_code}"
    return blake2b(said.encode(errors="surrogatepass"), digest_size=16).digest()
