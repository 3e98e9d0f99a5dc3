"""Several notifications in one POST, for a trunk that has chosen that: what is in it, and what it is called.

The document's `data` is the array of what each single callback would have as its `data`, each with its own
`webhook-id` in `meta`. The POST has an id of its own, which goes by what is in it: the same events in the same order
are the same batch again.
"""

from collections.abc import Iterable
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from pipeline.callbacks.notification import body_of
from pipeline.posting.gathering import Gathering, Part
from schemas.directory.trunk import Trunk
from schemas.identifiers import batch_id
from schemas.messages.status import MessageStatus

MAX_EVENTS: Final = 100
MAX_BYTES: Final = 1_048_576
GATHERING_SECONDS: Final = 1.0
TOGETHER_ATTEMPTS: Final = 2
"""After so many an event is posted alone: one that an endpoint cannot take must not take others with it for ever."""

_BEGINS: Final = b'{"data":['
_ENDS: Final = b"]}"
_SINGLE_BEGINS: Final = len(b'{"data":')
_SINGLE_ENDS: Final = -len(b"}}")  # of the event and of its document

# What is left for the events, with a comma for each.
GATHERING: Final = Gathering(MAX_EVENTS, MAX_BYTES - len(_BEGINS) - len(_ENDS) - MAX_EVENTS, GATHERING_SECONDS)


def gathers(trunk: Trunk) -> bool:
    """Tell whether a trunk is told of several statuses in one POST."""
    return trunk.callbacks is not None and bool(trunk.callbacks.batch)


def part_of(trunk: Trunk, status: MessageStatus, attempt: int) -> Part | None:
    """Return what a status is in a batch at an attempt: only what goes to one URL is together.

    None where its trunk is told of each by itself, and where it cannot be told at all, which shows when it is its turn.
    """
    if not gathers(trunk):
        return None
    try:
        event = event_of(status)
    except (ArithmeticError, ValueError):
        return None
    return Part((status.callback_url or "") if attempt <= TOGETHER_ATTEMPTS else None, event)


def event_of(status: MessageStatus) -> bytes:
    """Return what a batch has for `status`: a single callback's `data`, and its id. Raises what `body_of` does."""
    single = body_of(status)[_SINGLE_BEGINS:_SINGLE_ENDS]
    return single + f',"meta":{{"webhook_id":{quoted(status.webhook_id)}}}}}'.encode()


def document_of(events: Iterable[bytes]) -> bytes:
    """Return the body of a batch."""
    return _BEGINS + b",".join(events) + _ENDS


def id_of(webhook_ids: Iterable[str]) -> str:
    """Return the `webhook-id` of a batch with these."""
    return f"{batch_id(webhook_ids)}.batch"
