"""Carriers that take one segment per POST as JSON and answer with a status code and `{"id": ...}`.

The idempotency key is the segment id: a carrier that honours it takes a repeated POST once
(draft-ietf-httpapi-idempotency-key-header).
"""

import json.encoder
from typing import Final

from pydantic_core import from_json

from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.http.client import Answer
from schemas.mt_message import MtMessage, Segment

_quoted: Final = json.encoder.encode_basestring_ascii
_HEADERS: Final = {"content-type": "application/json", "accept": "application/json"}

# Answers that say "not now": the carrier has turned the segment away without taking it (RFC 6585, RFC 9110).
_TURNED_AWAY: Final = frozenset({429, 503})


def request_of(message: MtMessage, segment: Segment) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the POST that hands `segment` to the carrier."""
    segment_id = message.segment_id(segment)
    udh = "null" if segment.udh is None else f'"{segment.udh}"'
    # By hand: this is done for every segment, and only what a customer chose needs quoting.
    body = (
        f'{{"segment_id":"{segment_id}","message_id":"{message.id}","source":{_quoted(message.source)},'
        f'"destination":"{message.destination}","data_coding":{message.data_coding.value},"udh":{udh},'
        f'"text":{_quoted(segment.text)}}}'
    )
    return {**_HEADERS, "idempotency-key": segment_id}, body.encode()


def result_of(answer: Answer) -> AttemptResult:
    """Read a carrier's answer.

    A 2xx is taken. 429 and 503 are turned away. Any other 5xx, and a redirect, may come from a proxy that has already
    passed the request on: in doubt. Other 4xx are refusals.
    """
    status = answer.status
    if 200 <= status < 300:
        return AttemptResult(Outcome.ACCEPTED, carrier_message_id=_message_id(answer.body))
    error = f"HTTP {status}"
    if status in _TURNED_AWAY:
        return AttemptResult(Outcome.NOT_TAKEN, error=error, retry_after=answer.retry_after, status=status)
    if 400 <= status < 500:
        return AttemptResult(Outcome.REFUSED, error=error, status=status)
    return AttemptResult(Outcome.IN_DOUBT, error=error, status=status)


def asked_about(answer: Answer) -> AttemptResult:
    """Read a carrier's answer to the question whether it has a segment: 200 it has, 404 it has not."""
    if answer.status == 200:
        return AttemptResult(Outcome.ACCEPTED, carrier_message_id=_message_id(answer.body))
    if answer.status == 404:
        return AttemptResult(Outcome.NOT_TAKEN, error="the carrier has not got it")
    return AttemptResult(Outcome.IN_DOUBT, error=f"query: HTTP {answer.status}")


def _message_id(body: bytes) -> str | None:
    try:
        answer = from_json(body)
    except ValueError:
        return None
    identity = answer.get("id") if isinstance(answer, dict) else None
    return str(identity)[:128] if isinstance(identity, str | int) else None
