"""One message that waits in a retry tier for its next attempt at the carrier."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.mt_message import MtMessage
from schemas.wire import Record


class WaitingMessage(Record):
    """A message of which the segments from `next_seqnum` on are still to be sent.

    `attempt` is the number of the attempt that comes next. `deferred` counts how many times in a row it was moved on
    without an attempt, because its carrier took nothing then; `last_error` says why it waits.
    """

    schema_version: Literal[1] = 1
    message: MtMessage
    attempt: Annotated[int, Field(ge=1)]
    next_seqnum: Annotated[int, Field(ge=1, le=255)]
    first_attempt_at: AwareDatetime
    due_at: AwareDatetime
    last_error: str
    deferred: Annotated[int, Field(ge=1)] | None = None
    in_doubt: bool = False
    """The last attempt at segment `next_seqnum` may have reached the carrier."""
    possible_duplicate: bool = False
    """A segment that may have reached the carrier has been, or will be, posted again."""
