"""Smart encoding: what it makes of texts, and what it never does."""

import time
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.alphabets.gsm0338 import BASIC, EXTENSION
from pipeline.alphabets.look_alikes import LOOK_ALIKES
from pipeline.alphabets.national import TABLES, NationalAlphabet, alphabet, choices
from pipeline.alphabets.national_tables import LOCKING, SINGLE
from pipeline.errors import Unencodable
from pipeline.steps.composition import MAX_MARKS, compose, compositions
from pipeline.steps.encoding import is_gsm7
from pipeline.steps.segmentation import count_segments, count_segments_in, lay_out_in, split_in
from pipeline.steps.smart_encoding import Fitted, fit, fit_national
from schemas.text.smart_encoding import MAX_CHANGES, SmartEncoding

OFF, REPLACE, TRANSLITERATE = SmartEncoding

EVERY = tuple(
    alphabet(choice) for language, tables in TABLES.items() for choice in choices(language, tables)
)  # fmt: skip
TURKISH = tuple(it for it in EVERY if it.language == "turkish")

_interesting = st.sampled_from(
    [
        *"aZ0 €^{é’“…–\u00a0", *"çşğıİŞĞãõáéêñß", *"жЩъяЮёїΩωά", *"日😀☎\ufe0f", "\u0301", "\u0327", "\u0323", "\u0958",
        "\u212b", "\ufad1", "\u1100\u1161\u11a8", "\u0928\u093c",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=400),
    st.lists(_interesting, max_size=500).map("".join),
    st.tuples(st.text(st.sampled_from(BASIC), max_size=300), st.lists(_interesting, max_size=8)).map(
        lambda it: it[0] + "".join(it[1])
    ),
)
NATIONAL_TEXTS = st.one_of(
    TEXTS,
    st.sampled_from(sorted(SINGLE)).flatmap(
        lambda name: st.text(
            st.sampled_from("".join([*LOCKING.get(name, SINGLE[name]).values(), *SINGLE[name].values()])), max_size=400
        )
    ),
)


def fitted(content: str, mode: SmartEncoding, alphabets: Sequence[NationalAlphabet]) -> Fitted:
    return fit_national(fit(content, mode), mode, alphabets)


def segments_of(text: str) -> int | None:
    """Return how many segments a text takes; None where it cannot be sent."""
    try:
        return count_segments(text)
    except Unencodable:
        return None


def changes(content: str, mode: SmartEncoding, alphabets: tuple[NationalAlphabet, ...] = ()) -> list[tuple[str, ...]]:
    """Return what is told of a text: step, before, after, how often."""
    found = fitted(content, mode, alphabets).changes
    return [(it.step.value, it.before, it.after, str(it.count)) for it in found]


@pytest.mark.parametrize(
    ("content", "mode", "text"),
    [
        ("It’s “ready” – now…", OFF, "It’s “ready” – now…"),
        ("It’s “ready” – now…", REPLACE, 'It\'s "ready" - now...'),
        ("a\u00a0b\u200bc\ufeffd\te", REPLACE, "a bcd e"),
        ("ＡＢＣ！", REPLACE, "ABC!"),
        ("ﬁnal ½ ×", REPLACE, "final 1/2 x"),
        # All of it, or nothing: it needs UCS-2 anyway.
        ("It’s “ready” 😀", REPLACE, "It’s “ready” 😀"),
        ("It’s “ready” 😀", TRANSLITERATE, "It’s “ready” 😀"),
        ("çok güzel", REPLACE, "çok güzel"),
        # One segment either way: the letters stay.
        ("çok güzel", TRANSLITERATE, "çok güzel"),
        ("çok güzel " * 10, TRANSLITERATE, "cok güzel " * 10),
        ("ж" * 71, TRANSLITERATE, "zh" * 71),
        ("“щ”" * 50, TRANSLITERATE, '"shch"' * 50),
        # As many segments or more in GSM-7: nothing is gained.
        ("…" * 70, REPLACE, "…" * 70),
        ("щ" * 70, TRANSLITERATE, "щ" * 70),
        ("e\u0301 a\u030a", OFF, "é å"),
        ("\u212b\u2126", OFF, "ÅΩ"),
        ("\u1100\u1161\u11a8", OFF, "\uac01"),
        # Unicode composes these into more than they are.
        ("\u0958 e\u0301", OFF, "\u0958 é"),
        ("\ufad1", OFF, "\ufad1"),
        ("", TRANSLITERATE, ""),
        ("\u200b", REPLACE, "\u200b"),
        ("a\x1be\u0301", OFF, "a\x1be\u0301"),
        ("e\u0301\ud800", OFF, "e\u0301\ud800"),
    ],
)
def test_what_becomes_of_a_text(content: str, mode: SmartEncoding, text: str) -> None:
    """Composed always; look-alikes where GSM-7 carries it then; letters where that saves segments."""
    assert fit(content, mode).text == text


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        ("plain", TRANSLITERATE, []),
        ("It’s Ann’s – ok", REPLACE, [("replaced", "’", "'", "2"), ("replaced", "–", "-", "1")]),
        ("e\u0301e\u0301 ’", REPLACE, [("composed", "e\u0301", "é", "2"), ("replaced", "’", "'", "1")]),
        ("e\u0301 ж", REPLACE, [("composed", "e\u0301", "é", "1")]),
        ("’" + "ж" * 75, TRANSLITERATE, [("replaced", "’", "'", "1"), ("transliterated", "ж", "zh", "75")]),
        ("ş’ " + "x" * 70, REPLACE, []),
    ],
)
def test_what_is_told_of_it(content: str, mode: SmartEncoding, told: list[tuple[str, ...]]) -> None:
    """Each change once, in the order of the steps, and how often; nothing that was not done."""
    assert changes(content, mode) == told


def test_national_tables_keep_the_letters() -> None:
    """Where a carrier takes Turkish, a Turkish text is in GSM-7 as it is; look-alikes in it are replaced."""
    content = "Çağrınız alınmıştır – teşekkürler, " * 3
    assert count_segments(content) == 2
    found = fitted(content, REPLACE, TURKISH)
    assert found.alphabet is not None
    assert found.text == content.replace("–", "-")
    assert changes(content, REPLACE, TURKISH) == [("replaced", "–", "-", "3")]
    assert split_in(found.text, found.alphabet) == (found.text,)
    assert fitted(content, OFF, TURKISH) == fit(content, OFF)
    assert fitted(content, REPLACE, ()).alphabet is None


def test_national_tables_come_before_other_letters() -> None:
    """Transliteration would take as many segments: the letters are worth more than nothing."""
    content = "ş" * 71
    assert fit(content, TRANSLITERATE).text == "s" * 71
    found = fitted(content, TRANSLITERATE, TURKISH)
    assert (found.text, found.changes) == (content, ())
    assert found.alphabet is not None


def test_short_texts_need_no_tables() -> None:
    """One segment in UCS-2 is one that every handset can read."""
    assert fitted("ş", REPLACE, TURKISH).alphabet is None


def test_the_shortest_header_wins_where_segments_are_equal() -> None:
    """One character of the single shift table: no locking shift is told besides."""
    found = fitted("ş" + "a" * 100, REPLACE, TURKISH)
    assert found.alphabet is not None
    assert found.alphabet.elements == "240101"


@pytest.mark.parametrize(
    ("elements", "alone", "each"), [("240101", 155, 149), ("250101", 155, 149), ("240101250101", 152, 146)]
)
def test_headers_take_room(elements: str, alone: int, each: int) -> None:
    """Segments hold what the header leaves of 140 octets, in whole septets (docs/segmentation.md)."""
    found = next(it for it in TURKISH if it.elements == elements)
    assert [count_segments_in("a" * units, found) for units in (alone, alone + 1)] == [1, 2]
    assert [count_segments_in("a" * units, found) for units in (2 * each, 2 * each + 1)] == [2, 3]
    assert lay_out_in("a" * alone, found).units_left == 0
    assert lay_out_in("a" * (alone + 1), found).units_left == 2 * each - alone - 1


@given(TEXTS, st.sampled_from(SmartEncoding))
@example("\u0958e\u0301" * 70, OFF)
@example("\u1100\u1161\u11a8" * 30, REPLACE)
def test_smart_encoding_never_costs(content: str, mode: SmartEncoding) -> None:
    """It makes no text a segment longer, changes nothing that GSM-7 carries, and is done with what it made."""
    before = segments_of(content)
    if before is None:
        return
    found = fit(content, mode)
    assert count_segments(found.text) <= before
    assert bool(found.changes) == (found.text != content)
    assert len(found.changes) <= MAX_CHANGES
    if is_gsm7(content):
        assert found.text == content
    again = fit(found.text, mode)
    assert (again.text, again.changes) == (found.text, ())


@given(NATIONAL_TEXTS, st.sampled_from(SmartEncoding), st.sets(st.sampled_from(EVERY), max_size=6))
def test_national_tables_never_cost(content: str, mode: SmartEncoding, taken: set[NationalAlphabet]) -> None:
    """They take no segment more than without, carry the whole text, and their parts are the text again."""
    if segments_of(content) is None:
        return
    alphabets = tuple(sorted(taken, key=lambda it: it.elements))
    found, without = fitted(content, mode, alphabets), fit(content, mode)
    if found.alphabet is None:
        assert found == without
        return
    assert mode is not OFF
    parts = split_in(found.text, found.alphabet)
    assert "".join(parts) == found.text
    assert len(parts) <= count_segments(without.text)
    assert len(parts) < count_segments(compose(content))
    for part in parts:
        assert found.alphabet.units(part) == len(found.alphabet.septets(part))
    assert fitted(found.text, mode, alphabets).text == found.text
    kept = [it for it in found.text if it not in LOOK_ALIKES.values()]
    assert set(kept) <= {*compose(content), *"".join(LOOK_ALIKES.values())}


@given(TEXTS)
def test_composed_texts_are_in_nfc(content: str) -> None:
    """But for what Unicode makes longer; and canonically they are the same."""
    if segments_of(content) is None:
        return
    text = compose(content)
    assert unicodedata.normalize("NFD", text) == unicodedata.normalize("NFD", content)
    if len(unicodedata.normalize("NFC", content).encode("utf-16")) <= len(text.encode("utf-16")):
        assert text == unicodedata.normalize("NFC", content)


def test_a_text_that_is_composed_is_the_same_object() -> None:
    """Nothing is copied for the texts that nearly all texts are."""
    for content in ("Hello", "Grüße – ж", "".join(EXTENSION)):
        assert fit(content, OFF).text is content


@pytest.mark.parametrize(
    "content",
    ["a" + "\u0301\u0316" * 8191, "e\u0301" + "\u0958" * 16_382, "e\u0301" + "\u4e00" * 16_382, "\u1100\u1161" * 8192],
)
def test_no_text_takes_long(content: str) -> None:
    """Heaps of marks would take a tenth of a second to be sorted; the longest texts take a few hundredths in all."""
    compose("e\u0301")  # which makes the patterns
    began = time.process_time()
    fit(content, OFF)
    assert time.process_time() - began < 0.1


def test_heaps_of_marks_stay() -> None:
    """They are no writing; as many as a letter may have are sorted and composed."""
    heap = "a" + "\u0301\u0316" * 16
    assert compose(heap + "e\u0301") == heap + "é"
    few = "\u0316" * (MAX_MARKS - 1)
    assert compose(f"a{few}\u0301") == f"á{few}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("e\u0301x\u0301", [("e\u0301", "é")]),
        (
            "\u1100\u1161\u11a8\u1100\u1161 e\u0301",
            [("\u1100\u1161\u11a8", "각"), ("\u1100\u1161", "가"), ("e\u0301", "é")],
        ),
        ("\u0cc6\u0cc2\u0cd5", [("\u0cc6\u0cc2\u0cd5", "\u0ccb")]),
        ("\u212b\u0958", [("\u212b", "Å")]),
        ("\u0301e\u0301", [("e\u0301", "é")]),
    ],
)
def test_what_is_composed_is_told_letter_by_letter(content: str, told: list[tuple[str, str]]) -> None:
    """Also where letters join without marks; what stays is not told."""
    assert list(compositions(content)) == told


@given(TEXTS)
def test_what_is_told_to_be_composed_is_all_that_was(content: str) -> None:
    """Each is in the text, becomes what it is canonically, and together they are what the text is shorter by."""
    text = compose(content)
    told = [] if text is content else list(compositions(content))
    assert all(before in content and after in text for before, after in told)
    assert all(unicodedata.normalize("NFC", before) == after != before for before, after in told)
    assert sum(len(before) - len(after) for before, after in told) == len(content) - len(text)
