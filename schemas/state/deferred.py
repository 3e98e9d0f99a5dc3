"""What the scheduler knows: of messages that wait for their time, and of what has lately been cancelled."""

from typing import Final, Literal

from pydantic import AwareDatetime

from schemas.messages.cancel_request import CancelRequest
from schemas.messages.submission import Submission
from schemas.record import Record
from schemas.unchecked import unchecked


class Deferred(Record):
    """A message that waits, or a wish that something be cancelled which may not have come yet; one of both is there.

    `message` is the part of a submission that is about one destination; its id is the destination's, and the
    submission's own says which bulk it belongs to. `due_at` is when it is to be sent, or when the wish may be
    forgotten. `traceparent` and `tracestate` are the headers that it came with.
    """

    schema_version: Literal[1] = 1
    due_at: AwareDatetime
    message: Submission | None = None
    cancel: CancelRequest | None = None
    traceparent: str | None = None
    tracestate: str | None = None


UncheckedDeferred: Final = unchecked(Deferred)


def message_key(trunk_id: str, message_id: str) -> bytes:
    """Return the key of a message that waits: ids are a trunk's own."""
    return f"message:{trunk_id}:{message_id}".encode()


def cancel_key(trunk_id: str, identity: str, *, bulk: bool) -> bytes:
    """Return the key of a wish that a message, or a whole bulk, be cancelled."""
    return f"{'cancel-bulk' if bulk else 'cancel'}:{trunk_id}:{identity}".encode()
