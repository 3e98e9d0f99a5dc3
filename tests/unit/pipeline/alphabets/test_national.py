"""The tables of national languages, against another print of them; and what a header says of them."""

import pytest
from gsmcodecs import makeCodec
from gsmcodecs.charmaps import GSMCHARMAPS
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alphabets.gsm0338 import ALPHABET, BASIC, ESCAPE, EXTENSION
from pipeline.alphabets.national import LANGUAGES, TABLES, Choice, alphabet, choice_of, choices, septets
from pipeline.alphabets.national_tables import IDENTIFIERS, LOCKING, SINGLE

ALL = [choice for language in LANGUAGES for choice in choices(language, TABLES[language])]

DIFFERENCES = {
    ("locking", 0x24): {"kannada"},
    ("locking", 0x2C): {it for it in LOCKING if it not in ("turkish", "portuguese")},
}
"""Where ours are other than the oracle's, and why: the docstring of the tables."""


def characters(runs: dict[int, str]) -> dict[int, str]:
    return {at: it for begin, run in runs.items() for at, it in enumerate(run, begin)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "ours"), [("locking", LOCKING), ("singleShift", SINGLE)])
def test_tables_are_those_of_another_print(language: str, kind: str, ours: dict[str, dict[int, str]]) -> None:
    """What is at each septet is what the oracle has there, but for what the docstring names."""
    theirs = GSMCHARMAPS[IDENTIFIERS[language]]
    assert (kind in theirs) == (language in ours)
    if kind not in theirs:
        return
    expected = {at: chr(code) for at, code in theirs[kind]["decode"].items() if at != 0x1B and chr(code) != " "}
    found = {at: it for at, it in characters(ours[language]).items() if it != " "}
    # Of a character that is there twice ours has the first place.
    again = {at for at, it in expected.items() if it in [expected[before] for before in expected if before < at]}
    differences = {at for at in expected.keys() | found.keys() if expected.get(at) != found.get(at)} - again
    assert differences == {at for (where, at), those in DIFFERENCES.items() if where == kind and language in those}


@pytest.mark.parametrize("choice", ALL, ids=str)
def test_no_table_carries_the_escape(choice: Choice) -> None:
    """U+001B would swallow what comes after it, whatever the table."""
    assert ESCAPE not in alphabet(choice)
    assert alphabet(choice).units(f"a{ESCAPE}b") is None


@pytest.mark.parametrize("choice", ALL, ids=str)
def test_septets_are_read_back_by_an_oracle(choice: Choice) -> None:
    """Everything that a choice of tables carries is what the oracle reads from its septets."""
    found = alphabet(choice)
    identifier = IDENTIFIERS[choice.language]
    oracle = makeCodec(identifier if choice.locking else 0, identifier if choice.single else 0)
    moved = {at for (_, at), those in DIFFERENCES.items() if choice.language in those}
    for it in sorted({*BASIC, *EXTENSION, *"".join(SINGLE[choice.language].values())}):
        if it not in found:
            continue
        octets = found.septets(it)
        assert len(octets) == found.units(it)
        if octets[-1] not in moved:
            assert oracle.decode(octets)[0] == it


@pytest.mark.parametrize(
    ("choice", "elements"),
    [
        (Choice("turkish", single=True, locking=False), "240101"),
        (Choice("portuguese", single=False, locking=True), "250103"),
        (Choice("urdu", single=True, locking=True), "24010d25010d"),
    ],
)
def test_elements_name_the_tables(choice: Choice, elements: str) -> None:
    """Elements 24 and 25 with the language's identifier; a header with them says which tables they were."""
    assert alphabet(choice).elements == elements
    assert choice_of(f"{len(elements) // 2:02x}{elements}") == choice
    assert choice_of(f"{5 + len(elements) // 2:02x}0003ab0201{elements}") == choice


@pytest.mark.parametrize("udh", ["050003ab0201", "060804abcd0201", "03240100", "032401ff", "0324", "00", "0324010"[:6]])
def test_other_headers_name_none(udh: str) -> None:
    """A concatenation alone, a language that is none, and headers that break off."""
    assert choice_of(udh) is None


@given(st.text(st.sampled_from(BASIC + "".join(EXTENSION)), max_size=200))
def test_septets_of_the_default_alphabet(text: str) -> None:
    """They are those of the codec; joined pairs begin with the escape."""
    assert septets(text) == makeCodec().encode(text)[0]
    assert len(ALPHABET) == 128
