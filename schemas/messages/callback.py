"""Notifications: one that waits in a retry tier for its next attempt, and what an attempt came to."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from schemas.identifiers import Uuid
from schemas.messages.status import MessageStatus
from schemas.record import Record
from schemas.unchecked import unchecked


class WaitingNotification(Record):
    """A status whose notification failed, and when to try again.

    `attempt` is the number of the attempt that comes next (the first, from `sms.mt.status`, is 1). `resent_at` is set
    when an operator has asked for it again: the attempts of that chain count from 1. The endpoint is not in here: URL
    and secret are read from the directory at each attempt.
    """

    schema_version: Literal[1] = 1
    status: MessageStatus
    attempt: Annotated[int, Field(ge=1)]
    first_attempt_at: AwareDatetime
    due_at: AwareDatetime
    last_error: str
    deferred: Annotated[int, Field(ge=1)] | None = None
    """Of records that were written before what waits for its endpoint was parked: it says nothing any more."""
    resent_at: AwareDatetime | None = None


class AttemptOutcome(StrEnum):
    """What an attempt came to, or that none was made."""

    ACCEPTED = "accepted"  # 2xx
    FAILED = "failed"  # any other answer, or none
    GONE = "gone"  # 410: the endpoint wants no more
    FILTERED = "filtered"  # the trunk has not chosen to hear of it


class CallbackVia(StrEnum):
    """Which address an attempt went to, where it is not the trunk's Callback URL."""

    FAILOVER = "failover"
    MESSAGE = "message"  # the message's own


class CallbackAttempt(Record):
    """One attempt to notify, as it went; or a notification that was filtered, as if it were one that took no time.

    `endpoint` is the URL's origin, without path and query; `via` says which address that is. `status_code` is None when
    there was no answer; `error` then says why, without the path or query. `answer` is the beginning of the body of an
    answer that was no 2xx, as text without control characters.
    """

    schema_version: Literal[1] = 1
    webhook_id: str
    message_id: Uuid
    trunk_id: Uuid
    attempt: Annotated[int, Field(ge=1)]
    resent_at: AwareDatetime | None = None
    endpoint: str
    via: CallbackVia | None = None
    at: AwareDatetime
    milliseconds: Annotated[int, Field(ge=0)]
    outcome: AttemptOutcome
    status_code: int | None = None
    error: str | None = None
    answer: Annotated[str, Field(max_length=256)] | None = None


UncheckedCallbackAttempt: Final = unchecked(CallbackAttempt)
