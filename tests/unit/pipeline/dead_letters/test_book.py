"""A dead letter is open until somebody settles it, and a replay that was cut short is not repeated unasked."""

from datetime import UTC, datetime

import pytest

from pipeline.dead_letters.book import Book, Letter, letters_of, obstacle, replay_of
from pipeline.dead_letters.letter import dead_letter
from schemas.headers.causation import Causation
from schemas.headers.dead_letter import Settled, Settlement
from schemas.record import InRecord
from schemas.topics import SEGMENTED, dead_letter_topic

TOPIC = dead_letter_topic(SEGMENTED)


def stored(offset: int, reason: str = "in-doubt", at_ms: int = 1000) -> InRecord:
    """Return a dead letter as it lies in its topic."""
    headers = (("traceparent", b"00-1"), Causation(0, 4, 0, 7).header())
    record = InRecord(SEGMENTED, 1, 40 + offset, 900, b"key", b"\x00value", headers)
    letter = dead_letter(record, stage="delivery", reason=reason, detail="why")
    return InRecord(TOPIC, 0, offset, at_ms, letter.key, letter.value, letter.headers)


def marker(offset: int, of: int, action: Settled) -> InRecord:
    """Return what an operator has done with the letter at `of`."""
    return InRecord(TOPIC, 0, offset, 2000, None, None, Settlement(of, action, 2000).to_headers())


def book_of(*records: InRecord) -> Book:
    """Return a book with all of `records`."""
    book = Book()
    for entry in letters_of(records):
        book.add(entry)
    return book


@pytest.mark.parametrize(
    ("actions", "is_open", "replayed", "again"),
    [
        ([], True, True, True),
        ([Settled.REPLAYING], True, False, True),
        ([Settled.REPLAYING, Settled.REPLAYED], False, False, True),
        ([Settled.DROPPED], False, False, True),
        ([Settled.REPLAYING, Settled.DROPPED], False, False, True),
    ],
)
def test_the_last_marker_says_what_became_of_a_letter(
    actions: list[Settled], is_open: bool, replayed: bool, again: bool
) -> None:
    """Whether it is listed, replayed by a replay of all, and replayed when somebody insists."""
    book = book_of(stored(0), *(marker(1 + n, 0, action) for n, action in enumerate(actions)))
    letter = book.letter(0)
    assert letter is not None
    assert letter.is_open == is_open
    assert [it.offset for it in book.select(settled_too=False, reason=None, since=None)] == [0] * is_open
    assert (obstacle(letter, again=False) is None, obstacle(letter, again=True) is None) == (replayed, again)


def test_letters_are_selected_by_reason_and_time() -> None:
    """What is neither letter nor marker of ours is left out, and a marker of no letter changes nothing."""
    foreign = InRecord(TOPIC, 0, 9, 0, None, b"?", (("dead-letter-settled-offset", b"x"),))
    book = book_of(
        stored(0, "a", 1000), stored(1, "b", 2000), foreign, marker(3, 77, Settled.DROPPED), stored(4, "b", 9000)
    )
    since = datetime.fromtimestamp(3, UTC)
    assert [it.offset for it in book.select(settled_too=True, reason="b", since=None)] == [1, 4]
    assert [it.offset for it in book.select(settled_too=True, reason=None, since=since)] == [4]


def test_a_replay_is_the_record_as_it_was_without_its_origin() -> None:
    """With its origin a consumer would take it for a repetition and pass it over."""
    record = replay_of(stored(0))
    assert record == (SEGMENTED, b"key", b"\x00value", (("traceparent", b"00-1"),), None)


def test_a_marker_is_read_as_a_marker_and_a_letter_as_a_letter() -> None:
    """They share a topic, and no reader takes one for the other."""
    kinds = [type(it) for it in letters_of((stored(0), marker(1, 0, Settled.DROPPED)))]
    assert kinds == [Letter, Settlement]
