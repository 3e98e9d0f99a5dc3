"""The table as docs/delivery-receipts.md has it, read from there: what the code is held to."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from schemas.messages.dlr import RECEIPT_STATES, MessageState, SegmentOutcome
from tests.builders import CREATED

_TEXT = (Path(__file__).parents[4] / "docs" / "delivery-receipts.md").read_text()

STRENGTHS: Final = [
    RECEIPT_STATES[it] for it in re.findall(r"`([A-Z]+)`", re.findall(r"^`ENROUTE` · .*$", _TEXT, re.MULTILINE)[0])
]
"""From weak to strong."""

_ROWS: Final[list[tuple[str, str]]] = re.findall(
    r"^\| (?:all|any|else any) `([A-Z]+)` \| \w+ \| `([A-Z]+)` \|$", _TEXT, re.MULTILINE
)

STATES_BY_GRAVITY: Final = [RECEIPT_STATES[state] for state, _ in [*_ROWS[1:], _ROWS[0]]]
"""The first one that a segment has is the message's; the table's first row is what is left when no other fits."""

WRITTEN_WORDS: Final = {RECEIPT_STATES[state]: word for state, word in _ROWS}


def end_of(receipts: Iterable[tuple[int, MessageState]], awaited: int, *, time_is_over: bool) -> str | None:
    """Return the word that a message of so many segments ends with after these receipts; None when it goes on."""
    best: dict[int, int] = {}
    for seqnum, state in receipts:
        if seqnum <= awaited:
            best[seqnum] = max(best.get(seqnum, -1), STRENGTHS.index(state))
    interim = STRENGTHS.index(MessageState.ACCEPTED)
    final = {STRENGTHS[it] for it in best.values() if it > interim}
    if sum(it > interim for it in best.values()) < awaited:
        if not time_is_over:
            return None
        final.add(MessageState.UNKNOWN)
    return next(WRITTEN_WORDS[it] for it in STATES_BY_GRAVITY if it in final)


def outcome(seqnum: int, state: MessageState) -> SegmentOutcome:
    return SegmentOutcome(seqnum=seqnum, state=state, at=CREATED)
