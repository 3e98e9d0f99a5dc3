"""From a submission to messages: authorization, encoding, segmentation and routing, in this order.

Pure and deterministic: what comes out depends only on the submission, its record's coordinates and the directory, so a
replay writes the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.admission import check_content
from pipeline.authorization import Grant, Refusal, authorize, authorize_destination
from pipeline.directory import Directory
from pipeline.routing import choose_route
from pipeline.segmentation import split, with_headers
from pipeline.settings import MessageSettings
from schemas.identifiers import MessageId
from schemas.mt_message import MtMessage
from schemas.status import CodeId, MessageStatus, StatusName, StatusStage
from schemas.submission import Submission


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submission with what its record adds: the id and the time that it did not bring itself.

    `recorded_at` is the broker's time, which no producer can choose.
    """

    submission: Submission
    submission_id: str
    accepted_at: datetime
    recorded_at: datetime


def process(accepted: Accepted, directory: Directory, settings: MessageSettings) -> Iterator[MtMessage | MessageStatus]:
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
    problem = check_content(submission.content, settings.max_segments)
    if problem is not None:
        refusal = Refusal(CodeId.NO_ENCODING, problem)
        for message_id, destination in messages.items():
            yield _refused(accepted, message_id, destination, refusal, grant)
        return
    data_coding, texts = split(submission.content)
    expires_at = accepted.accepted_at + timedelta(seconds=settings.time_to_live_seconds)
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
        yield MtMessage(
            id=message_id,
            trunk_id=submission.trunk_id,
            account_id=grant.account.id,
            source=submission.source,
            destination=destination,
            data_coding=data_coding,
            segments=with_headers(texts, message_id),
            carrier_id=carrier.id,
            price_per_segment=route.price_per_segment,
            accepted_at=accepted.accepted_at,
            expires_at=expires_at,
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
