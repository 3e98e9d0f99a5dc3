"""From a submission to messages: authorization, encoding, segmentation and routing, in this order.

Pure and deterministic: what comes out depends only on the submission, its record's coordinates and the directory, so a
replay writes the same bytes.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from pipeline.directory.model import Directory
from pipeline.errors import TooManySegments, Unencodable
from pipeline.settings import MessageSettings
from pipeline.steps.acceptance import Accepted
from pipeline.steps.admission import MAX_CONTENT_LENGTH, check_content
from pipeline.steps.authorization import Grant, Refusal, authorize, authorize_destination
from pipeline.steps.routing import NO_ROUTE, Choice, choose_routes
from pipeline.steps.segmentation import split, user_data_headers
from schemas.identifiers import MessageId
from schemas.mt_message import DataCoding, UncheckedAlternative, UncheckedMtMessage, UncheckedSegment
from schemas.status import CodeId, MessageStatus, StatusStage
from schemas.unchecked import encode, written_once


class Routed(NamedTuple):
    """A message that is ready for its carrier: its destination, and the value of its record (`MtMessage`)."""

    destination: str
    value: bytes


def process(accepted: Accepted, directory: Directory, settings: MessageSettings) -> Iterator[Routed | MessageStatus]:
    """Yield for each destination its message, or the status that says why there is none."""
    submission, messages = accepted.submission, accepted.messages()
    grant = authorize(directory, submission.trunk_id, submission.source, accepted.recorded_at)
    if isinstance(grant, Refusal):
        for message_id, destination in messages.items():
            yield _refused(accepted, message_id, destination, grant, None)
        return
    content = submission.content
    parts = _parts(content, settings.max_segments)
    if isinstance(parts, Refusal):
        for message_id, destination in messages.items():
            yield _refused(accepted, message_id, destination, parts, grant)
        return
    data_coding, texts = parts
    # What is the same for all destinations is looked up and written once.
    trunk_id, account_id, source = submission.trunk_id, grant.account.id, submission.source
    accepted_at = written_once(accepted.accepted_at)
    expires_at = written_once(accepted.accepted_at + timedelta(seconds=settings.time_to_live_seconds))
    shared = [written_once(text) for text in texts]
    receipts = True if grant.trunk.receipts_enabled else None
    tags = written_once(submission.tags) if submission.tags else None
    alone = written_once((UncheckedSegment(seqnum=1, text=texts[0]),)) if len(texts) == 1 else None
    for message_id, destination in messages.items():
        unwanted = authorize_destination(destination, grant.account.checks)
        if unwanted is not None:
            yield _refused(accepted, message_id, destination, unwanted, grant)
            continue
        choices = choose_routes(directory, account_id, source, destination, message_id)
        if not choices:
            yield _refused(accepted, message_id, destination, NO_ROUTE, grant)
            continue
        route, carrier = choices[0]
        message = UncheckedMtMessage(
            id=message_id,
            trunk_id=trunk_id,
            account_id=account_id,
            source=source,
            destination=destination,
            data_coding=data_coding,
            segments=alone or _segments(shared, message_id),
            carrier_id=carrier.id,
            price_per_segment=route.price_per_segment,
            currency=route.currency,
            alternatives=_alternatives(choices) if len(choices) > 1 else None,
            accepted_at=accepted_at,
            expires_at=expires_at,
            receipts=receipts,
            client_reference=submission.client_reference,
            tags=tags,
        )
        yield Routed(destination, encode(message))


def _parts(content: str, max_segments: int) -> tuple[DataCoding, tuple[str, ...]] | Refusal:
    """Return how a text is coded and the texts of its segments, or why it cannot be sent."""
    try:
        data_coding, texts = split(content)
    except (Unencodable, TooManySegments):
        texts = ()
    if texts and len(texts) <= max_segments and 0 < len(content) <= MAX_CONTENT_LENGTH:
        return data_coding, texts
    return Refusal(CodeId.NO_ENCODING, check_content(content, max_segments) or "the text cannot be sent")


def _alternatives(choices: Sequence[Choice]) -> Any:
    return tuple(
        [
            UncheckedAlternative(
                carrier_id=carrier.id, price_per_segment=route.price_per_segment, currency=route.currency
            )
            for route, carrier in choices[1:]
        ]
    )


def _segments(texts: Sequence[Any], message_id: str) -> Any:
    headers = user_data_headers(len(texts), message_id)
    return tuple(
        [
            UncheckedSegment(seqnum=seqnum, text=text, udh=udh)
            for seqnum, (text, udh) in enumerate(zip(texts, headers, strict=True), 1)
        ]
    )


def _refused(
    accepted: Accepted, message_id: MessageId, destination: str, refusal: Refusal, grant: Grant | None
) -> MessageStatus:
    submission = accepted.submission
    return MessageStatus(
        message_id=message_id,
        trunk_id=submission.trunk_id,
        account_id=grant.account.id if grant else None,
        stage=StatusStage.PROCESSING,
        status=refusal.status,
        code_id=refusal.code_id,
        reason=refusal.reason,
        source=submission.source,
        destination=destination,
        accepted_at=accepted.accepted_at,
        # Not the clock: a replay must give the same bytes.
        ended_at=accepted.accepted_at,
        client_reference=submission.client_reference,
        tags=submission.tags or None,
    )
