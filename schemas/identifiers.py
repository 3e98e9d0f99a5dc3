"""Ids: what they look like, and how a missing one is derived.

A message id is a UUID in canonical lower-case text: version 7 when ingress makes it (RFC 9562 section 5.7, so ids
sort by time), version 5 when it must come out the same at every replay (section 5.5).
"""

import os
import re
import time
from collections.abc import Iterable
from typing import Annotated, Final, NewType
from uuid import UUID, uuid5

from pydantic import StringConstraints

UUID_PATTERN: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

Uuid = Annotated[str, StringConstraints(pattern=UUID_PATTERN)]
"""A UUID as canonical lower-case text."""

STRICT_UUID_PATTERN: Final = UUID_PATTERN.replace("$", r"\Z")
"""The same for whoever searches with Python's expressions, in which a dollar lets a line break follow."""

_UUID: Final = re.compile(UUID_PATTERN)

_DRAWN_AT_ONCE: Final = 256  # to ask the kernel for each costs more than all the rest of an id
_drawn: Final[list[str]] = []
os.register_at_fork(after_in_child=_drawn.clear)  # or two processes would make the same ids
_VARIANT_10: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

MessageId = NewType("MessageId", str)
SegmentId = NewType("SegmentId", str)

# Namespaces keep derived ids of different origins apart (RFC 9562 section 6.5).
_PRODUCED: Final = UUID("5f8a3c1e-6f0b-5d8e-9a39-0d1a0c7f4b10")
_IDEMPOTENT: Final = UUID("b1d1a9c4-2f57-5f7e-8b7a-3f1f3c6f2a55")
_BATCHED: Final = UUID("c3a5e0d2-7b64-5e19-a0f3-5d7c9b1e2f86")
_PREVIEWED: Final = UUID("0f4d6b1e-93a7-5c52-8e0b-6a1d2c9e7f38")


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID in canonical form."""
    return _UUID.fullmatch(text) is not None


def uuid7() -> str:
    """Return a new version 7 UUID: 48 bits of Unix milliseconds, then 74 random bits."""
    if not _drawn:
        digits = os.urandom(10 * _DRAWN_AT_ONCE).hex()
        _drawn.extend([digits[begin : begin + 20] for begin in range(0, len(digits), 20)])
    time_digits, digits = f"{time.time_ns() // 1_000_000:012x}", _drawn.pop()
    return f"{time_digits[:8]}-{time_digits[8:]}-7{digits[1:4]}-{_VARIANT_10[digits[4]]}{digits[5:8]}-{digits[8:]}"


def submission_id_from_coordinates(topic: str, partition: int, offset: int, index: int) -> MessageId:
    """Return the id of a submission that came without one: the same at every replay of its record.

    `index` is its place in the record's array, 0 for a record with a single submission.
    """
    return MessageId(str(uuid5(_PRODUCED, f"{topic}/{partition}/{offset}/{index}")))


def message_id_of_destination(submission_id: str, destination: str) -> MessageId:
    """Return the id of one message of a submission with several destinations."""
    return MessageId(str(uuid5(UUID(submission_id), destination)))


def message_id_from_idempotency_key(trunk_id: str, key: str, destination: str) -> MessageId:
    """Return the id that every repetition of a request with this Idempotency-Key gives to this destination."""
    return MessageId(str(uuid5(_IDEMPOTENT, f"{trunk_id}/{key}/{destination}")))


def bulk_id_from_idempotency_key(trunk_id: str, key: str) -> str:
    """Return the id that every repetition of a bulk request with this Idempotency-Key gives to all of it."""
    return str(uuid5(_IDEMPOTENT, f"{trunk_id}/{key}"))


def preview_id(trunk_id: str, digest: str) -> str:
    """Return the id of what a trunk asks about, which no message has: the same for the same question."""
    return str(uuid5(_PREVIEWED, f"{trunk_id}/{digest}"))


def batch_id(webhook_ids: Iterable[str]) -> str:
    """Return the id of a POST with several notifications: the same for the same ones in the same order."""
    return str(uuid5(_BATCHED, "\n".join(webhook_ids)))


def segment_id(message_id: str, seqnum: int) -> SegmentId:
    """Return `<message id>:<n>`, the id of segment `seqnum` (1-based, SMPP sar_segment_seqnum)."""
    return SegmentId(f"{message_id}:{seqnum}")
