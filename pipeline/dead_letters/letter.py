"""What cannot be processed is kept, not dropped: a record becomes a dead letter with its bytes as they were.

A dead letter always fits into its topic. The largest record that a producer may write fits whole; what is larger once
it is unpacked is cut, and the letter says so: the record itself lies where the letter says, as long as its topic keeps
it.
"""

import traceback
from typing import Final

from pipeline.dead_letters.brake import UNREADABLE
from pipeline.metrics import DEAD_LETTERS
from schemas.headers.causation import HEADER as CAUSATION
from schemas.headers.dead_letter import MAX_DETAIL_CHARACTERS, PREFIX, DeadLetterSource
from schemas.record import Header, InRecord, OutRecord, UnreadableBatch
from schemas.topics import dead_letter_topic, max_batch_bytes

INTERNAL_ERROR: Final = "internal-error"
"""The reason of what an error of ours keeps from being processed."""

MAX_KEY_BYTES: Final = 1024  # a trunk's id has 36
MAX_HEADERS: Final = 32
MAX_HEADER_BYTES: Final = 16_384  # of all headers that stay
# The batch around the record, lengths, and what we say in headers of our own: a character has 4 bytes at most.
_ENVELOPE_BYTES: Final = 2048 + 4 * MAX_DETAIL_CHARACTERS


def announce(stage: str, *reasons: str) -> None:
    """Have a count, 0 so far, of each reason that `stage` knows, and of those for which no record can be read."""
    for reason in (*reasons, *sorted(it.decode() for it in UNREADABLE)):
        DEAD_LETTERS.labels(stage, reason)


def dead_letter(record: InRecord, *, stage: str, reason: str, detail: str, element: int | None = None) -> OutRecord:
    """Return the dead letter of `record`, and count it.

    Key, value and headers stay as they are, as far as they fit. Headers that only we write do not stay, nor any when
    `element` says that the value is one submission of a record's array: a thousand letters of one record would each
    have them. `reason` is a stable code; `detail` is for people and must not hold message text. Of a batch that cannot
    be read both are known, and the value is what it consists of.
    """
    value, first_offset = record.value, None
    if isinstance(value, UnreadableBatch):
        reason, detail, first_offset = value.reason, value.detail, value.first_offset
    DEAD_LETTERS.labels(stage, reason).inc()
    topic = dead_letter_topic(record.topic)
    key, key_size = _cut(record.key, MAX_KEY_BYTES)
    headers, left_out = ([], 0) if element is not None else _fitting(record.headers)
    room = max_batch_bytes(topic) - _ENVELOPE_BYTES - MAX_KEY_BYTES - MAX_HEADER_BYTES
    value, value_size = _cut(value, room)
    source = DeadLetterSource(
        record.topic, record.partition, record.offset, record.timestamp_ms, stage, reason, detail, element,
        first_offset, value_size, key_size, left_out or None,
    )  # fmt: skip
    return OutRecord(topic, key, value, (*headers, *source.to_headers()))


def place_of(error: BaseException) -> str:
    """Say which error of ours it is and where: not in its own words, which may hold the text of a message."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"an error of ours: {type(error).__name__} in {where.name}, line {where.lineno}"


def without_bytes(letter: OutRecord, first_offset: int, size: int) -> OutRecord:
    """Return a letter that holds nothing but where its record lies, and those from `first_offset` on.

    `size` is how many bytes their values have.
    """
    source = DeadLetterSource.from_headers(letter.headers)
    said = source._replace(element=None, first_offset=first_offset, value_size=size, headers_left_out=None)
    return OutRecord(letter.topic, letter.key, None, tuple(said.to_headers()))


def _cut(data: bytes | None, limit: int) -> tuple[bytes | None, int | None]:
    """Return what fits of `data`, and how large it was if that is not all."""
    if data is None or len(data) <= limit:
        return data, None
    return bytes(data[:limit]), len(data)


def _fitting(headers: tuple[Header, ...]) -> tuple[list[Header], int]:
    """Return the headers that stay, and how many there would be more."""
    kept = [it for it in headers if not it[0].startswith(PREFIX) and it[0] != CAUSATION]
    size = 0
    for count, (name, content) in enumerate(kept):
        size += len(name.encode(errors="surrogatepass")) + len(content) + 10
        if count == MAX_HEADERS or size > MAX_HEADER_BYTES:
            return kept[:count], len(kept) - count
    return kept, 0
