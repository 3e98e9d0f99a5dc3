"""A route: which messages go to a carrier, and what a segment costs there."""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.identifiers import Uuid
from schemas.record import Record

MAX_WEIGHT: Final = 1000

Price = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=6)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""A currency's code, three capital letters (ISO 4217)."""


class Route(Record):
    """Sends messages to a carrier: those whose destination starts with `destination_prefix` (empty: all), whose source
    starts with `source_prefix` (None: all), of the account `account_id` (None: of every account).

    The longest destination prefix wins, then the longest source prefix, then a route of the account's own, then the
    lowest `priority`. Routes that are equal in all of this share their messages by `weight` (None: 1).
    `short_codes`: it takes short codes as destinations, too; None is no.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    destination_prefix: Annotated[str, Field(pattern=r"^[0-9]{0,15}$")] = ""
    source_prefix: Annotated[str, Field(pattern=r"^[0-9]{1,15}$")] | None = None
    account_id: Uuid | None = None
    carrier_id: Uuid
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    weight: Annotated[int, Field(ge=1, le=MAX_WEIGHT)] | None = None
    short_codes: bool | None = None
    price_per_segment: Price | None = None
    currency: Currency | None = None
    blocked: bool = False

    @property
    def share(self) -> int:
        """Its weight among routes that are equal to it."""
        return self.weight or 1
