"""Segmentation: published vectors, and what must hold for every text."""

from itertools import pairwise
from uuid import NAMESPACE_URL, UUID, uuid5

import gsm0338
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.errors import Refused, TooManySegments, Unencodable
from pipeline.steps.segmentation import (
    ALONE,
    CONCATENATED,
    MAX_SEGMENTS,
    Layout,
    Part,
    concatenation_reference,
    count_segments,
    lay_out,
    split,
)
from schemas.identifiers import uuid7
from schemas.messages.mt_message import DataCoding, Segment
from tests.unit.pipeline.steps.segmented import segmented

GSM7, UCS2 = DataCoding.GSM7, DataCoding.UCS2
MESSAGE_ID = "0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e"
CODEC = gsm0338.Codec()

sendable = st.characters(exclude_characters="\x1b", exclude_categories=["Cs"])
# Long enough for several segments, and thick with pairs at every place a boundary can be.
gsm7_texts = st.text(st.sampled_from("ab \r\n@Δ€[]|^\f"), max_size=700)
ucs2_texts = st.text(st.sampled_from("aж]€😀𝄞\u0301\u200d🇮"), max_size=350)
repeated = st.builds(
    lambda parts: "".join(text * count for text, count in parts),
    st.lists(st.tuples(st.text(sendable, max_size=4), st.integers(0, 160)), max_size=6),
)
texts = st.one_of(gsm7_texts, ucs2_texts, repeated, st.text(sendable, max_size=400)).filter(
    lambda text: len(text) < 8000
)

VECTORS = [
    ("a" * 160, GSM7, 160, 1),
    ("a" * 161, GSM7, 161, 2),
    ("a" * 306, GSM7, 306, 2),
    ("a" * 307, GSM7, 307, 3),
    ("€" * 80, GSM7, 160, 1),
    ("€" * 81, GSM7, 162, 2),
    ("]" * 152, GSM7, 304, 2),
    ("]" * 153, GSM7, 306, 3),
    ("a" * 152 + "€" + "a" * 152, GSM7, 306, 3),
    ("a" * 80 + "\r\n" + "a" * 79, GSM7, 161, 2),
    ("a" * 80 + "\n" + "a" * 79, GSM7, 160, 1),
    ("ж" * 70, UCS2, 70, 1),
    ("ж" * 71, UCS2, 71, 2),
    ("ж" * 134, UCS2, 134, 2),
    ("ж" * 135, UCS2, 135, 3),
    ("😀" * 35, UCS2, 70, 1),
    ("😀" * 36, UCS2, 72, 2),
    ("😀" * 66, UCS2, 132, 2),
    ("😀" * 67, UCS2, 134, 3),
    ("ж" * 66 + "😀" + "ж" * 66, UCS2, 134, 3),
    ("😀" + "]" * 68, UCS2, 70, 1),
    ("😀" + "]" * 69, UCS2, 71, 2),
    ("e\u0301" * 70, UCS2, 140, 3),
    ("", GSM7, 0, 1),
]


def units_on_air(text: str, data_coding: DataCoding) -> int:
    """Count units with means other than the code under test; fails where `text` cannot be encoded on its own."""
    return len(CODEC.encode(text)[0]) if data_coding is GSM7 else len(text.encode("utf-16-be")) // 2


def counted(layout: Layout) -> tuple[DataCoding, int, int]:
    """Return a layout's data coding, its units in all, and how many segments it has."""
    return layout.data_coding, sum(part.units for part in layout.parts), len(layout.parts)


def fewest_segments(text: str, data_coding: DataCoding) -> int:
    """Return the smallest number of segments over all ways of cutting between characters, by dynamic programming."""
    costs = [units_on_air(character, data_coding) for character in text]
    if sum(costs) <= {GSM7: 160, UCS2: 70}[data_coding]:
        return 1
    capacity = {GSM7: 153, UCS2: 67}[data_coding]
    best = [0]  # best[n]: for the first n characters
    for end in range(1, len(costs) + 1):
        options = []
        size, start = 0, end
        while start and (size := size + costs[start - 1]) <= capacity:
            start -= 1
            options.append(best[start] + 1)
        best.append(min(options))
    return best[-1]


@pytest.mark.parametrize(
    ("text", "data_coding", "units", "segments"), VECTORS, ids=[f"{row[0][:1]}…{len(row[0])}" for row in VECTORS]
)
def test_vectors(text: str, data_coding: DataCoding, units: int, segments: int) -> None:
    """Every row of docs/segmentation.md, by each of the ways to ask."""
    assert segments == count_segments(text)
    assert units == units_on_air(text, data_coding)
    coding, parts = split(text)
    assert (data_coding, segments) == (coding, len(parts))
    assert "".join(parts) == text
    assert (data_coding, units, segments) == counted(lay_out(text))
    assert segments == fewest_segments(text, data_coding)


def test_a_pair_goes_to_the_next_segment_as_a_whole() -> None:
    """At the boundary an extension character and an emoji leave one unit empty."""
    assert split("a" * 152 + "€" + "a" * 152)[1] == ("a" * 152, "€" + "a" * 151, "a")
    assert split("ж" * 66 + "😀" + "ж" * 66)[1] == ("ж" * 66, "😀" + "ж" * 65, "ж")


@settings(max_examples=300)
@given(texts)
@example("a" * 151 + "€" * 200)
@example("ж" + "😀" * 200)
@example("a" * 153 + "€" + "a" * 6)
def test_segments_carry_the_text_and_nothing_is_split(text: str) -> None:
    """Joined they are the text; each encodes and decodes alone within its capacity; their number is minimal."""
    data_coding, parts = split(text)
    assert "".join(parts) == text
    capacity = ALONE[data_coding] if len(parts) == 1 else CONCATENATED[data_coding]
    for part in parts:
        assert units_on_air(part, data_coding) <= capacity
        if data_coding is GSM7:
            septets, _ = CODEC.encode(part)
            assert CODEC.decode(septets)[0] == part
        else:
            assert part.encode("utf-16-be").decode("utf-16-be") == part
    assert len(parts) == 1 or all(parts)
    assert len(parts) == count_segments(text) == fewest_segments(text, data_coding)


@given(texts)
def test_a_layout_is_what_happens(text: str) -> None:
    """The segments are those that are cut. As many one-unit characters as are left change no count; one more does."""
    layout = lay_out(text)
    data_coding, parts, left = layout
    assert (data_coding, tuple(part.text for part in parts)) == split(text)
    assert parts == tuple(Part(part.text, units_on_air(part.text, data_coding)) for part in parts)
    _, units, segments = counted(layout)
    filled = lay_out(text + "a" * left)
    assert (*counted(filled), filled.units_left) == (data_coding, units + left, segments, 0)
    assert count_segments(text + "a" * (left + 1)) == segments + 1


def test_one_segment_has_no_header() -> None:
    """A text that fits needs no concatenation."""
    assert segmented("Hello World!", MESSAGE_ID) == (GSM7, (Segment(seqnum=1, text="Hello World!"),))


@pytest.mark.parametrize("text", ["a" * 400, "ж" * 200, "a" * 153 * 255])
def test_headers_name_reference_total_and_place(text: str) -> None:
    """Each header is 05 00 03, the message's reference, the number of segments, and 1, 2, 3 …"""
    _, segments = segmented(text, MESSAGE_ID)
    headers = [bytes.fromhex(part.udh or "") for part in segments]
    reference = concatenation_reference(MESSAGE_ID)
    assert headers == [bytes([5, 0, 3, reference, len(segments), n]) for n in range(1, len(segments) + 1)]
    assert [part.seqnum for part in segments] == list(range(1, len(segments) + 1))
    assert "".join(part.text for part in segments) == text


def test_replays_give_the_same_segments() -> None:
    """Nothing but text and id goes in."""
    text = "Grüße [an] alle €" * 30
    assert segmented(text, MESSAGE_ID) == segmented(text, MESSAGE_ID)
    assert concatenation_reference(MESSAGE_ID) == 0x1F  # replays of older records depend on it


@pytest.mark.parametrize(
    "ids",
    [
        [uuid7() for _ in range(3000)],
        [str(uuid5(NAMESPACE_URL, str(n))) for n in range(3000)],
        # Version 1 of one host: clock, then a fixed sequence and node.
        [str(UUID(fields=(n * 10_007, 0x1234, 0x11EF, 0x80, 0x01, 0xA0B1C2D3E4F5))) for n in range(3000)],
        [str(UUID(int=n)) for n in range(3000)],
    ],
    ids=["version 7", "version 5", "version 1", "counter"],
)
def test_references_of_consecutive_messages_differ(ids: list[str]) -> None:
    """Whatever ids a producer chooses, the references are spread and neighbours rarely share one."""
    references = [concatenation_reference(it) for it in ids]
    assert len(set(references)) > 240
    same = sum(a == b for a, b in pairwise(references))
    assert same < len(ids) * 0.02


@pytest.mark.parametrize(
    ("longest", "more"),
    [("a" * 153 * 255, "a"), ("]" * 76 * 255, "]"), ("ж" * 67 * 255, "ж"), ("😀" * 33 * 255, "😀")],
)
def test_more_than_255_segments_are_refused(longest: str, more: str) -> None:
    """The header counts in one octet; counting alone still works beyond."""
    assert len(split(longest)[1]) == MAX_SEGMENTS == count_segments(longest)
    with pytest.raises(TooManySegments, match="256 segments") as refusal:
        split(longest + more)
    assert isinstance(refusal.value, Refused)
    assert count_segments(longest + more) == len(lay_out(longest + more).parts) == 256


@pytest.mark.parametrize("text", ["\x1b", "a" * 200 + "\x1b", "\ud83d", "ж" * 100 + "\udc00"])
def test_what_cannot_be_sent_is_refused_by_every_question(text: str) -> None:
    """A raw escape and a lone surrogate are refused before anything is cut."""
    for ask in (split, count_segments, lay_out):
        with pytest.raises(Unencodable):
            ask(text)
