"""A carrier's delivery receipt for one segment, in SMPP's words (SMPP 3.4 section 5.2.28)."""

from enum import IntEnum
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from schemas.identifiers import Uuid
from schemas.record import Record


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
}
"""The `stat:` words of a receipt's text (SMPP 3.4 appendix B)."""


class SegmentReceipt(Record):
    """What the carrier says became of one segment."""

    schema_version: Literal[1] = 1
    message_id: Uuid
    seqnum: Annotated[int, Field(ge=1, le=255)]
    carrier_id: Uuid
    carrier_message_id: str | None = None
    state: MessageState
    error_code: str | None = None
    received_at: AwareDatetime
