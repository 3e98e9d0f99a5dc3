"""A carrier, and the routes that lead to one."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from schemas.identifiers import Uuid
from schemas.record import Record


class InDoubtPolicy(StrEnum):
    """What to do with a segment that the carrier may or may not have taken."""

    RESEND_WITH_KEY = "resend_with_key"  # the carrier honours Idempotency-Key
    QUERY = "query"  # the carrier tells what it has taken
    GIVE_UP = "give_up"  # fails, and becomes a dead letter that an operator can settle
    RESEND = "resend"  # flagged as a possible duplicate


class Carrier(Record):
    """Where segments go. `max_in_flight` bounds the POSTs that one delivery process has open to it.

    A carrier with the policy `query` takes GET `<url>/<segment id>` (the id behind the URL's path, before its
    query): 200 says that it has the segment, 404 that it has not.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    name: Annotated[str, Field(min_length=1, max_length=100)]
    url: Annotated[str, Field(min_length=1, max_length=2048)]
    blocked: bool = False
    in_doubt_policy: InDoubtPolicy = InDoubtPolicy.GIVE_UP
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = 64
    timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 30.0


class Route(Record):
    """Sends destinations that start with `destination_prefix` (empty: all) to a carrier.

    The longest prefix wins, then the lowest `priority`, then the id.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    destination_prefix: Annotated[str, Field(pattern=r"^[0-9]{0,15}$")] = ""
    carrier_id: Uuid
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    price_per_segment: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=6)] | None = None
    blocked: bool = False
