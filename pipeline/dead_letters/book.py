"""What became of dead letters: their topic holds them and, behind them, what operators have done with each.

A replay says so before it writes and after it has written. A crash in between leaves a letter of which nobody knows
whether it was replayed; like a segment in doubt it is not sent again unasked.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from schemas.headers.causation import HEADER as CAUSATION
from schemas.headers.dead_letter import PREFIX, DeadLetterSource, Settled, Settlement
from schemas.record import InRecord, OutRecord

UNREADABLE_BATCHES: Final = frozenset({"damaged-batch", "undecodable-batch", "oversized-batch", "unknown-codec"})


class Letter(NamedTuple):
    """A dead letter without its bytes, and what became of it; `settled` None: nothing yet."""

    topic: str
    offset: int
    at_ms: int
    source: DeadLetterSource
    settled: Settled | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody should look at it: also when it is in doubt whether it was replayed."""
        return self.settled in (None, Settled.REPLAYING)


def letters_of(records: Iterable[InRecord]) -> Iterator[Letter | Settlement]:
    """Read records of a dead-letter topic; what is neither letter nor marker is somebody else's, and left out."""
    for record in records:
        try:
            yield Settlement.from_headers(record.headers)
            continue
        except (KeyError, ValueError):
            pass
        try:
            source = DeadLetterSource.from_headers(record.headers)
        except (KeyError, ValueError):
            continue
        yield Letter(record.topic, record.offset, record.timestamp_ms, source)


class Book:
    """The letters of one topic, in order."""

    def __init__(self) -> None:
        self._letters: dict[int, Letter] = {}

    def add(self, entry: Letter | Settlement) -> None:
        """Take in what comes next."""
        if isinstance(entry, Letter):
            self._letters[entry.offset] = entry
        elif (letter := self._letters.get(entry.offset)) is not None:
            self._letters[entry.offset] = letter._replace(settled=entry.action)

    def letter(self, offset: int) -> Letter | None:
        """Return the letter at an offset, None when there is none."""
        return self._letters.get(offset)

    def select(self, *, settled_too: bool, reason: str | None, since: datetime | None) -> list[Letter]:
        """Return the letters that fit, oldest first."""
        return [
            it
            for it in self._letters.values()
            if (settled_too or it.is_open)
            and (reason is None or it.source.reason == reason)
            and (since is None or it.at_ms >= since.timestamp() * 1000)
        ]


def obstacle(letter: Letter, *, again: bool) -> str | None:
    """Say why a letter is not replayed, None when it is."""
    if letter.source.reason in UNREADABLE_BATCHES:
        return "is a batch that cannot be read, and no record that could be written again"
    if letter.source.element is not None and (letter.source.value_size or letter.source.key_size):
        return "is cut, and a part of a record only: it cannot be written again"
    if again or letter.settled is None:
        return None
    if letter.settled is Settled.REPLAYING:
        return "may have been replayed: a replay was cut short. --again replays it all the same"
    return f"is {letter.settled.value} already. --again replays it all the same"


def lies_elsewhere(source: DeadLetterSource) -> bool:
    """Tell whether a letter does not hold what it stands for: then that is read where it lay."""
    return source.element is None and (
        source.first_offset is not None or source.value_size is not None or source.key_size is not None
    )


def replay_of(record: InRecord) -> OutRecord:
    """Return the record that a dead letter was, to be written again.

    What it was made from is left out: with it the record would be taken for the repetition that it is, and passed over.
    """
    return again(record, DeadLetterSource.from_headers(record.headers))


def again(record: InRecord, source: DeadLetterSource) -> OutRecord:
    """Return a record as it is to be written to where it came from, without what we have said about it."""
    kept = tuple(it for it in record.headers if not it[0].startswith(PREFIX) and it[0] != CAUSATION)
    return OutRecord(source.topic, record.key, record.value, kept, source.partition if record.key is None else None)
