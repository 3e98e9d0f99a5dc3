"""A carrier's delivery receipt for one segment, in SMPP's words (SMPP 3.4 section 5.2.28, SMPP 5.0 section 4.7.15)."""

from enum import IntEnum
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from schemas.identifiers import Uuid
from schemas.record import Record, WireModel


class MessageState(IntEnum):
    """SMPP message_state."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    SKIPPED = 9

    @property
    def is_final(self) -> bool:
        """Tell whether no other state can follow."""
        return self not in (MessageState.ENROUTE, MessageState.ACCEPTED)


RECEIPT_STATES: Final[dict[str, MessageState]] = {
    "ENROUTE": MessageState.ENROUTE,
    "DELIVRD": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "UNKNOWN": MessageState.UNKNOWN,
    "REJECTD": MessageState.REJECTED,
    "SKIPPED": MessageState.SKIPPED,
}
"""The `stat:` words of a receipt's text (SMPP 3.4 appendix B; SKIPPED is of SMPP 5.0)."""

RECEIPT_WORDS: Final = {state: word for word, state in RECEIPT_STATES.items()}


class SegmentOutcome(WireModel):
    """The latest that is known of one segment: what of a receipt is kept.

    `error_code` is the carrier's own, as it came; `at` is the carrier's time, or that of the receipt's arrival.
    """

    seqnum: Annotated[int, Field(ge=1, le=255)]
    state: MessageState
    error_code: Annotated[str, Field(max_length=64)] | None = None
    carrier_message_id: Annotated[str, Field(max_length=128)] | None = None
    at: AwareDatetime


class SegmentReceipt(Record):
    """What the carrier says became of one segment. `done_at` is when, by its own clock, where it says so."""

    schema_version: Literal[1] = 1
    message_id: Uuid
    seqnum: Annotated[int, Field(ge=1, le=255)]
    carrier_id: Uuid
    carrier_message_id: str | None = None
    state: MessageState
    error_code: str | None = None
    done_at: AwareDatetime | None = None
    received_at: AwareDatetime


CarrierMessageId = Annotated[str, Field(min_length=1, max_length=128)]
"""What a carrier calls what it has taken."""


def carrier_key(carrier_id: str, carrier_message_id: str) -> bytes:
    """Return the key of records about what a carrier calls by an id of its own."""
    return f"{carrier_id}:{carrier_message_id}".encode()


class ExpectedReceipt(Record):
    """A segment whose receipt will name nothing but the carrier's own id: its carrier can be given no address."""

    schema_version: Literal[1] = 1
    carrier_id: Uuid
    carrier_message_id: CarrierMessageId
    message_id: Uuid
    seqnum: Annotated[int, Field(ge=1, le=255)]
    accepted_at: AwareDatetime


class UnmatchedReceipt(Record):
    """A receipt that names nothing but the carrier's own id."""

    schema_version: Literal[1] = 1
    carrier_id: Uuid
    carrier_message_id: CarrierMessageId
    state: MessageState
    error_code: str | None = None
    done_at: AwareDatetime | None = None
    received_at: AwareDatetime
