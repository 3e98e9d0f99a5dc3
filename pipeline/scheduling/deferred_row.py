"""One record of the scheduler's topic, as its store keeps it: no more of it is read than what it is found by.

Only the scheduler writes there, so its records are read without the checks of their models: of a million of them a
start reads every one.
"""

from binascii import unhexlify
from datetime import datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from schemas.headers.trace import kept
from schemas.record import Header

_MESSAGE: Final = b"message"
_CANCEL: Final = b"cancel"
_CANCEL_BULK: Final = b"cancel-bulk"
_IDS_LENGTH: Final = 73  # two UUIDs, and what is between

Name = bytes
"""A trunk's id and that of a message or a submission, 16 bytes each."""


class Waiting(NamedTuple):
    """A message that waits until `due_ms` (Unix time). `bulk` names its submission where it is one of several.

    `value` is the record's.
    """

    name: Name
    bulk: Name | None
    due_ms: int
    value: bytes


class Wish(NamedTuple):
    """That a message, or a whole bulk, be cancelled; it is remembered until `until_ms`."""

    name: Name
    is_bulk: bool
    until_ms: int


class Gone(NamedTuple):
    """A message that does not wait any more, or a wish that is not remembered."""

    name: Name
    is_wish: bool
    is_bulk: bool


class KeyedRecord(Protocol):
    """What is used of a consumer's record."""

    @property
    def partition(self) -> int:
        """Where it lies."""

    @property
    def offset(self) -> int:
        """Where it lies there."""

    @property
    def key(self) -> bytes | None:
        """What it is about."""

    @property
    def value(self) -> bytes | None:
        """What it says; None: nothing any more."""


class _Message(Struct, gc=False):
    id: str | None = None


class _Deferred(Struct, gc=False):
    due_at: datetime
    message: _Message | None = None


class _AsItCame(Struct, gc=False):
    message: Raw


class _Traced(Struct, gc=False):
    traceparent: str | None = None
    tracestate: str | None = None


_deferred: Final = Decoder(_Deferred).decode
_message: Final = Decoder(_AsItCame).decode
_traced: Final = Decoder(_Traced).decode


def ids_of(name: Name) -> tuple[str, str]:
    """Return the ids that a name stands for: its trunk's, and its own."""
    return str(UUID(bytes=name[:16])), str(UUID(bytes=name[16:]))


def read(record: KeyedRecord) -> Waiting | Wish | Gone:
    """Read a record. Raises `ValueError` for one that the scheduler has not written."""
    key, value = record.key or b"", record.value
    prefix, _, ids = key.partition(b":")
    is_bulk = prefix == _CANCEL_BULK
    is_wish = is_bulk or prefix == _CANCEL
    if not (is_wish or prefix == _MESSAGE) or len(ids) != _IDS_LENGTH:
        raise ValueError("no key of the scheduler's")
    name = unhexlify(ids.translate(None, b"-:"))  # nothing that is quicker is as short
    if value is None:
        return Gone(name, is_wish, is_bulk)
    try:
        it = _deferred(value)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    # Rounded up: not even the part of a millisecond too early.
    due_ms = -(round(it.due_at.timestamp() * 1_000_000) // -1000)
    if is_wish:
        return Wish(name, is_bulk, due_ms)
    if it.message is None:
        raise ValueError("no message")
    bulk = None if it.message.id is None else name[:16] + unhexlify(it.message.id.replace("-", ""))
    return Waiting(name, None if bulk == name else bulk, due_ms, value)


def message_of(value: bytes) -> bytes:
    """Return the message in a record's value as it came, whatever version has written it."""
    return bytes(_message(value).message)


def trace_headers(value: bytes) -> tuple[Header, ...]:
    """Return the headers of the trace that a message in a record's value belongs to: none for most."""
    found = _traced(value)
    context = kept(found.traceparent, found.tracestate)
    return () if context is None else context.headers()
