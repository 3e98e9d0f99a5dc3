"""Carriers that take one segment per POST as JSON and answer with a status code and `{"id": ...}`.

The idempotency key is the segment id: a carrier that honours it takes a repeated POST once
(draft-ietf-httpapi-idempotency-key-header).
"""

from typing import Final

from pydantic_core import from_json

from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.http.client import Answer
from schemas.mt_message import MtMessage, Segment
from schemas.unchecked import encode

_HEADERS: Final = {"content-type": "application/json", "accept": "application/json"}

# Answers that say "not now": the carrier has turned the segment away without taking it (RFC 6585, RFC 9110).
_TURNED_AWAY: Final = frozenset({429, 503})
_CONFLICT: Final = 409


def request_of(message: MtMessage, segment: Segment, receipt_url: str | None = None) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the POST that hands `segment` to the carrier.

    `receipt_url` is where it posts what comes of it; None where nobody wants to know.
    """
    segment_id = message.segment_id(segment)
    body = {
        "segment_id": segment_id,
        "message_id": message.id,
        "source": message.source,
        "destination": message.destination,
        "data_coding": message.data_coding,
        "udh": segment.udh,
        "text": segment.text,
    }
    if receipt_url is not None:
        body["receipt_url"] = receipt_url
    return {**_HEADERS, "idempotency-key": segment_id}, encode(body)


def result_of(answer: Answer, *, honours_key: bool) -> AttemptResult:
    """Read a carrier's answer.

    A 2xx is taken. 429 and 503 are turned away. Any other 5xx, and a redirect, may come from a proxy that has already
    passed the request on: in doubt. A carrier that `honours_key` answers 409 while an earlier request with this key is
    in progress (draft-ietf-httpapi-idempotency-key-header section 2.7): in doubt, too. Other 4xx are refusals.

    A 2xx whose body breaks off is in doubt: a server that has begun a 200 has no other way left to say that it failed
    (RFC 9112 section 8), and posting again with the key, or asking, also brings the message id that is missing. What
    refuses says so in its head, and nothing behind it can take that back.
    """
    status = answer.status
    error = f"HTTP {status}"
    if 200 <= status < 300:
        if answer.cut_short is not None:
            return AttemptResult(Outcome.IN_DOUBT, error=f"{error}, then {answer.cut_short}", status=status)
        return AttemptResult(Outcome.ACCEPTED, carrier_message_id=_message_id(answer.body))
    if status in _TURNED_AWAY:
        return AttemptResult(Outcome.NOT_TAKEN, error=error, retry_after=answer.retry_after, status=status)
    if status == _CONFLICT and honours_key:
        return AttemptResult(Outcome.IN_DOUBT, error="HTTP 409: in progress", status=status)
    if 400 <= status < 500:
        return AttemptResult(Outcome.REFUSED, error=error, status=status)
    return AttemptResult(Outcome.IN_DOUBT, error=error, status=status)


def query_url(url: str, segment_id: str) -> str:
    """Return the URL that tells whether a carrier with this `url` has a segment: its path goes on, its query stays.

    A query often names the account or holds a key (RFC 3986 section 3: the path ends where the query begins).
    """
    path, mark, query = url.partition("?")
    return f"{path.rstrip('/')}/{segment_id}{mark}{query}"


def asked_about(answer: Answer) -> AttemptResult:
    """Read a carrier's answer to the question whether it has a segment: 200 it has, 404 it has not.

    An answer that breaks off settles nothing: the question can be asked again.
    """
    if answer.cut_short is not None:
        return AttemptResult(Outcome.IN_DOUBT, error=f"query: HTTP {answer.status}, then {answer.cut_short}")
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
