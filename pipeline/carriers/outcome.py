"""What an attempt at one segment came to, by whether the carrier may have taken it."""

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """Sorted by what may be done next."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # permanently: trying again changes nothing
    NOT_TAKEN = "not_taken"  # not sent at all, or turned away for now: trying again is safe
    IN_DOUBT = "in_doubt"  # it may have been taken: only the carrier's policy may try again


class AttemptResult(NamedTuple):
    """An outcome with what is known beside it. `error` is for people, without message text.

    `status` is the answer's, None when there was none; `retry_after` is the header as it came.
    """

    outcome: Outcome
    carrier_message_id: str | None = None
    error: str | None = None
    retry_after: str | None = None
    status: int | None = None
