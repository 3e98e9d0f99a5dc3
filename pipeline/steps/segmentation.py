"""Step 4, segmentation: a text, cut into segments with their user data headers.

One segment holds 140 octets: 160 septets or 70 UCS-2 units. Segments that belong together carry a header of 6 octets
each, which leaves 153 septets or 67 units (3GPP TS 23.040 section 9.2.3.24). Each is filled as far as whole
characters go: an escape pair or a surrogate pair is never split. A national alphabet is told in the header, also in
that of an only segment, and leaves room for fewer. docs/segmentation.md has the rules and vectors.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import crc32

from pipeline.alphabets.gsm0338 import ESCAPE
from pipeline.alphabets.national import NationalAlphabet
from pipeline.errors import TooManySegments
from pipeline.steps.encoding import mark_pairs, measure
from schemas.messages.mt_message import DataCoding

MAX_SEGMENTS: Final = 255
"""The header counts segments in one octet."""

ALONE: Final = {DataCoding.GSM7: 160, DataCoding.UCS2: 70}
"""Units in a message's only segment."""

CONCATENATED: Final = {DataCoding.GSM7: 153, DataCoding.UCS2: 67}
"""Units in each of several segments."""

_OCTETS: Final = 140
_CONCATENATION_OCTETS: Final = 5


class Part(NamedTuple):
    """A segment's text, and the units that it takes."""

    text: str
    units: int


class Layout(NamedTuple):
    """What a text would become. `units_left` more fit before another segment is needed; a character takes 1 or 2."""

    data_coding: DataCoding
    parts: tuple[Part, ...]
    units_left: int


def user_data_headers(count: int, message_id: str, elements: str = "") -> list[str]:
    """Return the headers, in hex, of the `count` segments of a message that has several.

    `elements` are information elements, in hex, that come behind that of the concatenation.
    """
    length = _CONCATENATION_OCTETS + len(elements) // 2
    common = f"{length:02x}0003{concatenation_reference(message_id):02x}{count:02x}"
    return [f"{common}{seqnum:02x}{elements}" for seqnum in range(1, count + 1)]


def only_header(elements: str) -> str:
    """Return the header, in hex, of an only segment that has information elements."""
    return f"{len(elements) // 2:02x}{elements}"


def split(text: str) -> tuple[DataCoding, tuple[str, ...]]:
    """Return how `text` is coded, and the texts of its segments: joined they are `text`.

    Raises `Unencodable`, and `TooManySegments` for more than 255.
    """
    data_coding, units = measure(text)
    if units <= ALONE[data_coding]:
        return data_coding, (text,)
    return data_coding, _few(_cut(text, units, data_coding))


def split_in(text: str, alphabet: NationalAlphabet) -> tuple[str, ...]:
    """Return the texts of the segments of a text that `alphabet` carries.

    Raises `TooManySegments` for more than 255.
    """
    units = alphabet.units(text)
    if units is not None and units <= _capacity(alphabet, alone=True):
        return (text,)
    return _few(_fill(alphabet.mark_pairs(text), _capacity(alphabet)))


def count_segments(text: str) -> int:
    """Return how many segments `text` takes, also beyond 255. Raises `Unencodable`."""
    data_coding, units = measure(text)
    if units <= ALONE[data_coding]:
        return 1
    if units == len(text):  # no pairs, so every segment but the last is full
        return -(-units // CONCATENATED[data_coding])
    return sum(1 for _ in _cut(text, units, data_coding))


def count_segments_in(text: str, alphabet: NationalAlphabet) -> int | None:
    """Return how many segments `text` takes in `alphabet`, None where that cannot carry it."""
    units = alphabet.units(text)
    if units is None or units <= _capacity(alphabet, alone=True):
        return None if units is None else 1
    return sum(1 for _ in _fill(alphabet.mark_pairs(text), _capacity(alphabet)))


def lay_out(text: str) -> Layout:
    """Return what `text` would become, for people who still write it, also beyond 255. Raises `Unencodable`."""
    data_coding, units = measure(text)
    if units <= ALONE[data_coding]:
        return Layout(data_coding, (Part(text, units),), ALONE[data_coding] - units)
    parts = tuple([Part(part, len(mark_pairs(part, data_coding))) for part in _cut(text, units, data_coding)])
    return Layout(data_coding, parts, CONCATENATED[data_coding] - parts[-1].units)


def lay_out_in(text: str, alphabet: NationalAlphabet) -> Layout:
    """Return what a text that `alphabet` carries would become, also beyond 255."""
    units = alphabet.units(text)
    capacity = _capacity(alphabet, alone=True)
    texts = [text]
    if units is None or units > capacity:
        capacity = _capacity(alphabet)
        texts = list(_fill(alphabet.mark_pairs(text), capacity))
    parts = tuple([Part(part, len(alphabet.mark_pairs(part))) for part in texts])
    return Layout(DataCoding.GSM7, parts, capacity - parts[-1].units)


def concatenation_reference(message_id: str) -> int:
    """Return the octet that tells a handset which segments belong together.

    Messages that reach one handset within minutes from one sender must differ in it, so it is taken from the whole
    id: ids that producers choose may end in the same octet every time (version 1 UUIDs end in a host's address), or
    begin alike (version 7 begins with the time).
    """
    return crc32(message_id.encode()) & 0xFF


def _capacity(alphabet: NationalAlphabet, *, alone: bool = False) -> int:
    """Return how many septets fit behind a header that tells of `alphabet`; it is filled up to a whole septet."""
    octets = 1 + len(alphabet.elements) // 2 + (0 if alone else _CONCATENATION_OCTETS)
    return (_OCTETS - octets) * 8 // 7


def _few(parts: Iterator[str]) -> tuple[str, ...]:
    found = tuple(parts)
    if len(found) > MAX_SEGMENTS:
        raise TooManySegments(f"the text takes {len(found)} segments; a message can have {MAX_SEGMENTS}")
    return found


def _cut(text: str, units: int, data_coding: DataCoding) -> Iterator[str]:
    marked = text if units == len(text) else mark_pairs(text, data_coding)
    return _fill(marked, CONCATENATED[data_coding])


def _fill(marked: str, capacity: int) -> Iterator[str]:
    start = 0
    while start < len(marked):
        end = start + capacity
        if marked[end - 1 : end] == ESCAPE:
            end -= 1  # the pair goes to the next segment as a whole
        yield marked[start:end].replace(ESCAPE, "")
        start = end
