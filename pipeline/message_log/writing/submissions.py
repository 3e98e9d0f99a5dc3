"""Submissions that are well-formed at a glance: what ingress writes, read at a fifth of the cost of its model.

What is taken here is taken by the model too, with the same values; whatever is not is left to the reader that the
processor has (`pipeline/steps/admission/submitted_record.py`), which also says why.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

from schemas.address import MSISDN
from schemas.identifiers import UUID_PATTERN, is_uuid
from schemas.messages.labels import are_labels
from schemas.messages.submission import EARLIEST, LATEST, MAX_DESTINATIONS, MAX_SUBMISSIONS, Submission
from schemas.messages.timing import MAX_VALIDITY_SECONDS, MIN_VALIDITY_SECONDS
from schemas.text.smart_encoding import SmartEncoding
from schemas.urls import url_problem

_Id = Annotated[str, Meta(min_length=36, max_length=36)]
_Number = Annotated[str, Meta(min_length=7, max_length=15)]

# An expression for each of them, given to msgspec, takes three times as long as one for both.
_is_destination: Final = re.compile(UUID_PATTERN.replace("$", MSISDN.pattern)).fullmatch
_is_known_as_uuid: Final = lru_cache(10_000)(is_uuid)


class SubmittedMessage(NamedTuple):
    """One of the messages of a submission."""

    id: str
    destination: str
    text: str
    reference: str | None


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
    smart_encoding: SmartEncoding | None = None
    send_at: Annotated[datetime, Meta(tz=True)] | None = None
    validity_period: Annotated[int, Meta(ge=MIN_VALIDITY_SECONDS, le=MAX_VALIDITY_SECONDS)] | None = None
    callback_url: str | None = None
    campaign_id: _Id | None = None


_many: Final = Decoder(Annotated[list[GlancedSubmission], Meta(min_length=1, max_length=MAX_SUBMISSIONS)]).decode
_one: Final = Decoder(GlancedSubmission).decode


def glance(value: bytes) -> list[GlancedSubmission] | None:
    """Return the submissions of a record, None when a closer look is needed."""
    try:
        found = _many(value) if value[:1] == b"[" else [_one(value)]
    except (msgspec.DecodeError, ValueError):
        return None
    for it in found:
        if not _are_well_formed(it):
            return None
        if not EARLIEST <= it.accepted_at < LATEST:
            return None
        if it.send_at is not None and not EARLIEST <= it.send_at < LATEST:
            return None
        if not are_labels(it.client_reference, it.tags):
            return None
        if it.callback_url is not None and url_problem(it.callback_url) is not None:
            return None
        if len(it.destinations) > 1 and len({to.id for to in it.destinations}) < len(it.destinations):
            return None
    return found


def _are_well_formed(it: GlancedSubmission) -> bool:
    if not _is_known_as_uuid(it.trunk_id) or not (it.id is None or is_uuid(it.id)):
        return False
    if not (it.campaign_id is None or _is_known_as_uuid(it.campaign_id)):
        return False
    return None not in [_is_destination(to.id + to.address) for to in it.destinations]


def read_one(value: bytes | None) -> tuple[Submission | GlancedSubmission, SubmittedMessage]:
    """Return the submission of a record that is about one message, and that. Raises `ValueError` for what is none."""
    if value is not None and (glanced := glance(value)) is not None and len(glanced) == 1:
        (it,) = glanced
        if len(it.destinations) == 1:
            to = it.destinations[0]
            return it, SubmittedMessage(to.id, to.address, it.content, it.client_reference)
    found = Submission.from_bytes(value or b"")
    (only,) = found.destinations
    if only.id is None:
        raise ValueError("a message without an id")
    return found, SubmittedMessage(only.id, only.address, found.text_of(only), found.reference_of(only))
