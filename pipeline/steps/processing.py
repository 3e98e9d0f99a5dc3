"""From a submission to messages: authorization, encoding, segmentation and routing, in this order.

Pure and deterministic: what comes out depends only on the submission, its record's coordinates and the directory, so a
replay writes the same bytes.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from json.encoder import encode_basestring as _quoted
from typing import NamedTuple

from pipeline.directory.model import Directory
from pipeline.errors import TooManySegments, Unencodable
from pipeline.settings import MessageSettings
from pipeline.steps.admission import MAX_CONTENT_LENGTH, check_content
from pipeline.steps.authorization import Grant, Refusal, authorize, authorize_destination
from pipeline.steps.routing import choose_route
from pipeline.steps.segmentation import split, user_data_headers
from schemas.identifiers import MessageId
from schemas.mt_message import DataCoding
from schemas.status import CodeId, MessageStatus, StatusName, StatusStage
from schemas.submission import Submission


class Accepted(NamedTuple):
    """A submission with what its record adds: the id and the time that it did not bring itself.

    `recorded_at` is the broker's time, which no producer can choose.
    """

    submission: Submission
    submission_id: str
    accepted_at: datetime
    recorded_at: datetime


class Routed(NamedTuple):
    """A message that is ready for its carrier: its destination, and the value of its record (`MtMessage`)."""

    destination: str
    value: bytes


def process(accepted: Accepted, directory: Directory, settings: MessageSettings) -> Iterator[Routed | MessageStatus]:
    """Yield for each destination its message, or the status that says why there is none.

    A number listed twice is one message, unless each has an id of its own.
    """
    submission = accepted.submission
    messages = {submission.message_id(it, accepted.submission_id): it.address for it in submission.destinations}
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
    # By hand, since every message has a record: the model's way takes three times as long. What is the same for all
    # destinations is written once.
    accepted_at = accepted.accepted_at
    expires_at = accepted_at + timedelta(seconds=settings.time_to_live_seconds)
    sender = (
        f'"trunk_id":"{submission.trunk_id}","account_id":"{grant.account.id}","source":{_quoted(submission.source)},'
    )
    times = f'"accepted_at":"{accepted_at.isoformat()}","expires_at":"{expires_at.isoformat()}"}}'
    quoted = [_quoted(text) for text in texts]
    for message_id, destination in messages.items():
        unwanted = authorize_destination(destination)
        if unwanted is not None:
            yield _refused(accepted, message_id, destination, unwanted, grant)
            continue
        choice = choose_route(directory, submission.source, destination)
        if choice is None:
            yield _refused(accepted, message_id, destination, Refusal(CodeId.NO_ROUTES_FOUND, "no route"), grant)
            continue
        route, carrier = choice
        price = route.price_per_segment
        priced = "" if price is None else f'"price_per_segment":"{price}",'
        value = (
            f'{{"schema_version":1,"id":"{message_id}",{sender}"destination":"{destination}",'
            f'"data_coding":{data_coding.value},"segments":[{_segments(quoted, message_id)}],'
            f'"carrier_id":"{carrier.id}",{priced}{times}'
        )
        yield Routed(destination, value.encode())


def _parts(content: str, max_segments: int) -> tuple[DataCoding, tuple[str, ...]] | Refusal:
    """Return how a text is coded and the texts of its segments, or why it cannot be sent."""
    try:
        data_coding, texts = split(content)
    except (Unencodable, TooManySegments):
        texts = ()
    if texts and len(texts) <= max_segments and 0 < len(content) <= MAX_CONTENT_LENGTH:
        return data_coding, texts
    return Refusal(CodeId.NO_ENCODING, check_content(content, max_segments) or "the text cannot be sent")


def _segments(quoted: list[str], message_id: str) -> str:
    if len(quoted) == 1:
        return f'{{"seqnum":1,"text":{quoted[0]}}}'
    headers = user_data_headers(len(quoted), message_id)
    return ",".join(
        [
            f'{{"seqnum":{seqnum},"text":{text},"udh":"{udh}"}}'
            for seqnum, (text, udh) in enumerate(zip(quoted, headers, strict=True), 1)
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
        # The contract counts codes from 100 on as failures, below as routing errors.
        status=StatusName.FAILED if refusal.code_id >= 100 else StatusName.ROUTING_ERROR,
        code_id=refusal.code_id,
        reason=refusal.reason,
        source=submission.source,
        destination=destination,
        accepted_at=accepted.accepted_at,
        # Not the clock: a replay must give the same bytes.
        ended_at=accepted.accepted_at,
    )
