"""Numbers with fixed outcomes, as the test numbers of large providers: docs/testing-your-integration.md lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple


class Planned(NamedTuple):
    """A receipt that will be posted `delay_ms` after the segment was taken; None: after the usual delay."""

    status: str
    error: str | None = None
    delay_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FixedOutcome:
    """What becomes of every segment to a number.

    `refused` is the status that refuses it. With `throttled` the first POST of each is turned away. `answer_ms` passes
    before the answer. `receipts` are all that are posted.
    """

    receipts: tuple[Planned, ...] = (Planned("DELIVRD"),)
    refused: int | None = None
    throttled: bool = False
    answer_ms: int = 0


LATE_MS: Final = 30_000
SLOW_MS: Final = 5_000
EARLY_MS: Final = 1_000  # before the answer to the POST that it is about

OUTCOMES: Final[Mapping[str, FixedOutcome]] = {
    "15005550000": FixedOutcome(),
    "15005550001": FixedOutcome(refused=400, receipts=()),
    "15005550002": FixedOutcome((Planned("UNDELIV", "001"),)),
    "15005550003": FixedOutcome((Planned("EXPIRED", "027"),)),
    "15005550004": FixedOutcome((Planned("REJECTD", "013"),)),
    "15005550005": FixedOutcome(throttled=True),
    "15005550006": FixedOutcome(answer_ms=SLOW_MS),
    "15005550007": FixedOutcome(()),
    "15005550008": FixedOutcome((Planned("DELIVRD", None, LATE_MS),)),
    "15005550009": FixedOutcome((Planned("DELIVRD"), Planned("DELIVRD"))),
    "15005550010": FixedOutcome((Planned("DELIVRD", None, 0),), answer_ms=EARLY_MS),
    "15005550011": FixedOutcome(
        (Planned("ENROUTE", None, 0), Planned("ACCEPTD", None, 500), Planned("DELIVRD", None, 1000))
    ),
    "15005550012": FixedOutcome((Planned("DELIVRD", None, 0), Planned("UNDELIV", "001", 1000))),
}  # fmt: skip
"""By destination."""
