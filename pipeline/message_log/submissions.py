"""Submissions that are well-formed at a glance: what ingress writes, read at a fifth of the cost of its model.

What is taken here is taken by the model too, with the same values; whatever is not is left to the reader that the
processor has (`pipeline/steps/submitted_record.py`), which also says why.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

from schemas.labels import are_labels
from schemas.submission import EARLIEST, LATEST, MAX_DESTINATIONS, MAX_SUBMISSIONS

# \Z and not $, which in Python lets a line break follow.
_Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")]
_Number = Annotated[str, Meta(pattern=r"^[1-9][0-9]{6,14}\Z")]


class GlancedDestination(Struct, gc=False, forbid_unknown_fields=True):
    """A destination that has an id."""

    address: _Number
    id: _Id


class GlancedSubmission(Struct, gc=False, forbid_unknown_fields=True):
    """A submission whose destinations have ids, without a key that it may repeat."""

    trunk_id: _Id
    source: Annotated[str, Meta(min_length=1, max_length=15)]
    content: Annotated[str, Meta(min_length=1, max_length=16_384)]
    destinations: Annotated[list[GlancedDestination], Meta(min_length=1, max_length=MAX_DESTINATIONS)]
    accepted_at: Annotated[datetime, Meta(tz=True)]
    schema_version: Literal[1] = 1
    id: _Id | None = None
    client_reference: str | None = None
    tags: list[str] | None = None


_many: Final = Decoder(Annotated[list[GlancedSubmission], Meta(min_length=1, max_length=MAX_SUBMISSIONS)]).decode
_one: Final = Decoder(GlancedSubmission).decode


def glance(value: bytes) -> list[GlancedSubmission] | None:
    """Return the submissions of a record, None when a closer look is needed."""
    try:
        found = _many(value) if value[:1] == b"[" else [_one(value)]
    except (msgspec.DecodeError, ValueError):
        return None
    for it in found:
        if not EARLIEST <= it.accepted_at < LATEST:
            return None
        if not are_labels(it.client_reference, it.tags):
            return None
        if len(it.destinations) > 1 and len({to.id for to in it.destinations}) < len(it.destinations):
            return None
    return found
