"""What the receipts agent knows of messages whose receipts are not all in, and of what carriers call by own ids."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.dlr import ExpectedReceipt, SegmentOutcome, UnmatchedReceipt
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


class Match(Record):
    """What is known of what a carrier calls by an id of its own: which segment it is, and what has come too early.

    `early` is the strongest receipt that came before anybody knew the segment. `due_at` is when it may be forgotten.
    """

    schema_version: Literal[1] = 1
    expected: ExpectedReceipt | None = None
    early: UnmatchedReceipt | None = None
    due_at: AwareDatetime
