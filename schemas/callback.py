"""One notification that waits in a retry tier for its next attempt."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.status import MessageStatus
from schemas.wire import Record


class WaitingNotification(Record):
    """A status whose notification failed, and when to try again.

    `attempt` is the number of the attempt that comes next (the first, from `sms.mt.status`, was 1). The endpoint
    is not in here: URL and secret are read from the directory at each attempt.
    """

    schema_version: Literal[1] = 1
    status: MessageStatus
    attempt: Annotated[int, Field(ge=2)]
    first_attempt_at: AwareDatetime
    due_at: AwareDatetime
    last_error: str
