"""Which messages of a trunk went out to which numbers, and which were stopped because it was one too many.

A record is written before what follows from it, and says what a replay must know to decide the same: a message up to
`screened_to` is stopped when it is listed so, else not. What went out is counted as long as a window reaches back.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.address import DestinationAddress
from schemas.identifiers import Uuid
from schemas.record import Record
from schemas.state.day_count import Place
from schemas.unchecked import unchecked


class Guard(StrEnum):
    """What is looked at."""

    NUMBER = "number"  # how many messages went to it
    RANGE = "range"  # how many went to the numbers that differ from it in their last four digits alone
    SAME_TEXT = "same_text"  # whether the text went to the number before


class Passed(Place):
    """A message that went out. `at_ms` is the broker's time for its record, `text` a digest (BLAKE2b, 8 bytes)."""

    at_ms: Annotated[int, Field(ge=0)]
    number: DestinationAddress
    text: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None


class Stopped(Place):
    """A message that was stopped, and by what: no more than so many `messages` in so many `minutes`.

    `of_account`: of all trunks of the account together; absent is of its trunk.
    """

    guard: Guard
    messages: Annotated[int, Field(ge=1)]
    minutes: Annotated[int, Field(ge=1)]
    of_account: bool | None = None


class Screening(Record):
    """What was decided, in this order, about a trunk's messages, in the partition that has the number of theirs.

    `at_ms` is the broker's time for the record of `screened_to`. `account_id` is there where the account has such a
    limit: what has passed counts for it, whoever works on its other trunks.
    """

    schema_version: Literal[1] = 1
    trunk_id: Uuid
    account_id: Uuid | None = None
    screened_to: Place
    at_ms: Annotated[int, Field(ge=0)]
    passed: tuple[Passed, ...] | None = None
    stopped: tuple[Stopped, ...] | None = None


UncheckedPlace: Final = unchecked(Place)
UncheckedPassed: Final = unchecked(Passed)
UncheckedStopped: Final = unchecked(Stopped)
UncheckedScreening: Final = unchecked(Screening)
