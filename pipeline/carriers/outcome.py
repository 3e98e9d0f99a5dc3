"""What an attempt at one segment came to, by whether the carrier may have taken it."""

from enum import StrEnum
from typing import Final, NamedTuple


class Outcome(StrEnum):
    """Sorted by what may be done next."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # permanently: trying again changes nothing
    NOT_TAKEN = "not_taken"  # not sent at all, or turned away for now: trying again is safe
    IN_DOUBT = "in_doubt"  # it may have been taken: only the carrier's policy may try again


class ErrorClass(StrEnum):
    """What a carrier's error means."""

    PERMANENT = "permanent"  # about this message: it will be refused again
    OPERATOR = "operator"  # about our account (money, a key): not sent, and it stays so until an operator acts
    THROTTLED = "throttled"  # not sent: slow down
    NOT_SENT = "not_sent"  # not sent: the carrier cannot take anything just now
    IN_DOUBT = "in_doubt"  # it may have been sent


OUTCOME_OF: Final = {
    ErrorClass.PERMANENT: Outcome.REFUSED,
    ErrorClass.OPERATOR: Outcome.NOT_TAKEN,
    ErrorClass.THROTTLED: Outcome.NOT_TAKEN,
    ErrorClass.NOT_SENT: Outcome.NOT_TAKEN,
    ErrorClass.IN_DOUBT: Outcome.IN_DOUBT,
}


class AttemptResult(NamedTuple):
    """An outcome with what is known beside it. `error` is for people, without message text.

    `status` is the answer's, None when there was none; `retry_after` is the header as it came. `error_class` says what
    the answer means where it is an error; None without an answer. `in_progress`: the carrier is still at work on an
    earlier POST of the same segment.
    """

    outcome: Outcome
    carrier_message_id: str | None = None
    error: str | None = None
    retry_after: str | None = None
    status: int | None = None
    error_class: ErrorClass | None = None
    in_progress: bool = False
