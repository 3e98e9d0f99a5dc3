"""From a submission to messages: authorization, encoding, segmentation and routing, in this order.

Pure and deterministic: what comes out depends only on the submission, its record's coordinates and the directory, so a
replay writes the same bytes. Where there are limits it depends on what has been counted, too, of which a replay knows
what it was.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from pipeline.directory.model import Directory
from pipeline.limits.check import Check
from pipeline.settings import MessageSettings
from pipeline.steps.admission.acceptance import Accepted
from pipeline.steps.authorization import Grant, Refusal, authorize, authorize_destination
from pipeline.steps.prepared_text import AlphabetsOf, TextPreparer, prepare, takes_none
from pipeline.steps.routing import NO_ROUTE, Choice, choose_routes
from schemas.directory.account import Account
from schemas.directory.trunk import Trunk
from schemas.identifiers import MessageId
from schemas.messages.destination import Destination
from schemas.messages.mt_message import UncheckedAlternative, UncheckedMtMessage
from schemas.messages.status import CodeId, MessageStatus, StatusStage
from schemas.messages.submission import Submission
from schemas.messages.timing import is_too_far
from schemas.text.smart_encoding import SmartEncoding
from schemas.unchecked import encode, written_once

TOO_FAR: Final = Refusal(CodeId.ROUTING_FAILED, "send_at is more than 35 days ahead")


class Routed(NamedTuple):
    """A message that is ready for its carrier: its destination, and the value of its record (`MtMessage`)."""

    destination: str
    value: bytes


CheckOf = Callable[[Trunk, Account], Check | None]
"""Returns what counts the messages of a submission, by its trunk and account."""


class Common:
    """What submissions of one record have in common is found out once: they have one directory, and one time."""

    def __init__(self, directory: Directory, recorded_at: datetime, max_segments: int) -> None:
        self._directory = directory
        self._recorded_at = recorded_at
        self._max_segments = max_segments
        self._grants: dict[tuple[str, str, str | None], Grant | Refusal] = {}
        self._texts: dict[tuple[str, SmartEncoding], TextPreparer | Refusal] = {}

    def grant(self, submission: Submission) -> Grant | Refusal:
        """Return what its trunk may do with its source."""
        key = submission.trunk_id, submission.source, submission.campaign_id
        found = self._grants.get(key)
        if found is None:
            trunk_id, source, campaign_id = key
            found = self._grants[key] = authorize(self._directory, trunk_id, source, self._recorded_at, campaign_id)
        return found

    def text(self, content: str, mode: SmartEncoding) -> TextPreparer | Refusal:
        """Return how a text goes to its messages, or why it cannot be sent."""
        key = content, mode
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = prepare(content, mode, self._max_segments)
        return found


def process(
    accepted: Accepted,
    directory: Directory,
    settings: MessageSettings,
    alphabets_of: AlphabetsOf = takes_none,
    check_of: CheckOf | None = None,
    common: Common | None = None,
) -> Iterator[Routed | MessageStatus]:
    """Yield for each destination its message, or the status that says why there is none.

    `alphabets_of` tells which national alphabets carriers take: by default none. `check_of` is there where
    anything is counted; `common` where there are more submissions of the same record.
    """
    submission, messages = accepted.submission, accepted.messages()
    common = common or Common(directory, accepted.recorded_at, settings.max_segments)
    grant = common.grant(submission)
    if isinstance(grant, Refusal):
        for message_id, to in messages.items():
            yield _refused(accepted, message_id, to, grant, None)
        return
    if submission.send_at is not None and is_too_far(submission.send_at, accepted.recorded_at):
        for message_id, to in messages.items():
            yield _refused(accepted, message_id, to, TOO_FAR, grant)
        return
    mode = submission.smart_encoding or grant.trunk.smart_encoding or SmartEncoding.OFF
    # What is the same for all destinations is looked up and written once.
    trunk_id, account_id, source = submission.trunk_id, grant.account.id, submission.source
    life = timedelta(seconds=submission.validity_period or settings.time_to_live_seconds)
    times: tuple[Any, Any] = accepted.accepted_at, accepted.begins_at + life
    accepted_at, expires_at = times if len(messages) == 1 else map(written_once, times)
    receipts = True if grant.trunk.receipts_enabled else None
    tags = written_once(submission.tags) if submission.tags else None
    check = None if check_of is None else check_of(grant.trunk, grant.account)
    for index, (message_id, to) in enumerate(messages.items()):
        content, destination = submission.text_of(to), to.address
        text = common.text(content, mode)
        if isinstance(text, Refusal):
            yield _refused(accepted, message_id, to, text, grant)
            continue
        unwanted = authorize_destination(directory, grant, destination)
        if unwanted is not None:
            yield _refused(accepted, message_id, to, unwanted, grant)
            continue
        choices = choose_routes(directory, account_id, source, destination, message_id)
        if not choices:
            yield _refused(accepted, message_id, to, NO_ROUTE, grant)
            continue
        route, carrier = choices[0]
        prepared = text.for_carriers(choices, alphabets_of)
        if check is not None:
            beyond = check.ask(index, destination, content, len(prepared.texts), route)
            if beyond is not None:
                yield _refused(accepted, message_id, to, Refusal(*beyond), grant)
                continue
        message = UncheckedMtMessage(
            id=message_id,
            trunk_id=trunk_id,
            account_id=account_id,
            source=source,
            destination=destination,
            data_coding=prepared.data_coding,
            segments=prepared.segments(message_id),
            carrier_id=carrier.id,
            price_per_segment=route.price_per_segment,
            currency=route.currency,
            alternatives=_alternatives(choices) if len(choices) > 1 else None,
            accepted_at=accepted_at,
            expires_at=expires_at,
            receipts=receipts,
            client_reference=submission.reference_of(to),
            tags=tags,
            campaign_id=submission.campaign_id,
            text_changes=prepared.changes,
            national_language=prepared.national_language,
            bulk_id=None if submission.send_at is None or submission.id == message_id else submission.id,
            callback_url=submission.callback_url,
        )
        yield Routed(destination, encode(message))


def _alternatives(choices: Sequence[Choice]) -> Any:
    return tuple(
        [
            UncheckedAlternative(
                carrier_id=carrier.id, price_per_segment=route.price_per_segment, currency=route.currency
            )
            for route, carrier in choices[1:]
        ]
    )


def _refused(
    accepted: Accepted, message_id: MessageId, to: Destination, refusal: Refusal, grant: Grant | None
) -> MessageStatus:
    return ended(
        accepted.submission,
        message_id,
        to,
        accepted.accepted_at,
        # Not the clock: a replay must give the same bytes.
        accepted.accepted_at,
        account_id=grant.account.id if grant else None,
        status=refusal.status,
        code_id=refusal.code_id,
        reason=refusal.reason,
    )


def ended(
    submission: Submission,
    message_id: MessageId,
    to: Destination,
    accepted_at: datetime,
    ended_at: datetime,
    **how: Any,
) -> MessageStatus:
    """Return the final status of a message to one destination of a submission, which is no `MtMessage` yet."""
    return MessageStatus(
        message_id=message_id,
        trunk_id=submission.trunk_id,
        stage=StatusStage.PROCESSING,
        source=submission.source,
        destination=to.address,
        accepted_at=accepted_at,
        ended_at=ended_at,
        client_reference=submission.reference_of(to),
        tags=submission.tags or None,
        callback_url=submission.callback_url,
        campaign_id=submission.campaign_id,
        **how,
    )
