"""What becomes of a message that has waited: asked when its time has come, by the directory of that moment.

Pure. Numbers move, trunks are blocked and carriers exchanged within a month, so what was decided when the message came
is decided again: who may send, how the text is cut, which carrier gets it, and until when it may be tried.
"""

from datetime import datetime

from pipeline.dead_letters.letter import place_of
from pipeline.directory.model import Directory
from pipeline.settings import MessageSettings
from pipeline.steps.admission.acceptance import Accepted
from pipeline.steps.prepared_text import AlphabetsOf, takes_none
from pipeline.steps.processing import Routed, ended, process
from schemas.messages.status import CANCELED_REASON, CodeId, MessageStatus, StatusName
from schemas.messages.submission import Submission


def released(
    part: Submission,
    directory: Directory,
    settings: MessageSettings,
    now: datetime,
    alphabets_of: AlphabetsOf = takes_none,
) -> Routed | MessageStatus:
    """Return the message that delivery gets, or the status that says why there is none.

    `part` is about one destination. `alphabets_of` tells which national alphabets carriers take. What a deleted trunk
    has scheduled is not sent.
    """
    accepted_at = part.accepted_at or now
    accepted = Accepted(part, part.id or "", accepted_at, now)
    try:
        (outcome,) = process(accepted, directory, settings, alphabets_of)
    except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the agent at each of its lives
        return _ended(part, StatusName.FAILED, now, place_of(error), CodeId.INTERNAL_ERROR)
    if isinstance(outcome, MessageStatus):
        return outcome.model_copy(update={"ended_at": now})
    return outcome


def canceled_while_waiting(part: Submission, directory: Directory, now: datetime) -> MessageStatus:
    """Return the status of a message that was cancelled before its time had come."""
    trunk = directory.trunk(part.trunk_id)
    status = _ended(part, StatusName.CANCELED, now, CANCELED_REASON)
    return status if trunk is None else status.model_copy(update={"account_id": trunk.account_id})


def _ended(
    part: Submission, status: StatusName, now: datetime, reason: str, code_id: CodeId | None = None
) -> MessageStatus:
    (to,) = part.destinations
    return ended(
        part,
        part.message_id(to, part.id or ""),
        to,
        part.accepted_at or now,
        now,
        status=status,
        code_id=code_id,
        reason=reason,
    )
