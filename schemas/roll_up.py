"""What is known of a message whose receipts are not all in, or came in lately: the receipts agent's memory."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.dlr import SegmentOutcome
from schemas.identifiers import Uuid
from schemas.record import Record
from schemas.status import MessageStatus


class RollUp(Record):
    """One message's receipts so far.

    `waiting` are the successes that wait for their receipts: one, but where producers have given messages of several
    trunks the same id. Each ends by itself; `ended` are the trunks that have been told. `segments` has the latest of
    each segment, in their order, and nothing once nobody waits. `due_at` is when something is due that no record will
    bring: the end of waiting, or of remembering.
    """

    schema_version: Literal[1] = 1
    message_id: Uuid
    waiting: tuple[MessageStatus, ...] = ()
    segments: Annotated[tuple[SegmentOutcome, ...], Field(max_length=255)] = ()
    ended: Annotated[tuple[Uuid, ...], Field(max_length=1000)] = ()
    due_at: AwareDatetime
