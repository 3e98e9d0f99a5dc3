"""How much of a trunk's day is used up, and what of its submissions has been counted so far.

A record is written before what follows from it, and says all that a replay must know to decide the same: a message up
to `counted_to` is not counted again, and goes out unless it lies in one of the `closures`.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.directory.route import Currency
from schemas.identifiers import Uuid
from schemas.record import Record, WireModel

KEPT_DAYS: Final = 2
MAX_CLOSURES: Final = 8


class Place(WireModel):
    """A message of a partition of `sms.mt.submitted`: its record's offset, and which message of the record it is."""

    offset: Annotated[int, Field(ge=0)]
    message: Annotated[int, Field(ge=0)]


class DayLimit(StrEnum):
    """Which limit was reached."""

    TRUNK_SEGMENTS = "trunk_segments"
    TRUNK_SPEND = "trunk_spend"
    ACCOUNT_SEGMENTS = "account_segments"
    ACCOUNT_SPEND = "account_spend"


class Closure(WireModel):
    """Messages that were refused: from `begin` to before `end`, which is None as long as it goes on.

    `of` is what the limit was then, in `currency` where it is one of spend: a higher one ends the closure.
    """

    begin: Place
    end: Place | None = None
    limit: DayLimit
    of: Decimal
    currency: Currency | None = None


class DayUsed(WireModel):
    """What was routed on a day in UTC; spend is by currency."""

    day: date
    segments: Annotated[int, Field(ge=0)]
    spend: dict[Currency, Decimal] | None = None


class DayCount(Record):
    """One trunk's count in the partition that the record lies in, which has the number of the submissions' partition.

    `at_ms` is the broker's time for the record of `counted_to`. `used` has the newest day first, and the one before it
    for accounts of which another trunk is not that far yet. Of closures the latest are kept, in their order.
    """

    schema_version: Literal[1] = 1
    trunk_id: Uuid
    account_id: Uuid
    counted_to: Place
    at_ms: Annotated[int, Field(ge=0)]
    used: Annotated[tuple[DayUsed, ...], Field(min_length=1, max_length=KEPT_DAYS)]
    closures: Annotated[tuple[Closure, ...], Field(max_length=MAX_CLOSURES)] | None = None
