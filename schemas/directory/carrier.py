"""A carrier."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.directory.sealed_secret import SealedSecret
from schemas.identifiers import Uuid
from schemas.record import Record

MAX_SEGMENTS_PER_SECOND: Final = 100_000


class InDoubtPolicy(StrEnum):
    """What to do with a segment that the carrier may or may not have taken."""

    RESEND_WITH_KEY = "resend_with_key"  # the carrier honours Idempotency-Key
    QUERY = "query"  # the carrier tells what it has taken
    GIVE_UP = "give_up"  # fails, and becomes a dead letter that an operator can settle
    RESEND = "resend"  # flagged as a possible duplicate


ProfileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""The name of a profile, shipped or own."""

ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
ParameterValue = Annotated[str, Field(max_length=8192)]


class Carrier(Record):
    """Where segments go. `max_in_flight` bounds the POSTs that one delivery process has open to it.

    `segments_per_second` bounds what all processes together post to it (None: nothing does), `burst` what of that may
    go at once (None: what goes in a tenth of a second).

    `profile` says how it is spoken to (docs/carriers.md); without one it is the practice carrier's. `url` may be empty
    where the profile has an address of its own. `parameters` and `secrets` are what the profile asks for.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    name: Annotated[str, Field(min_length=1, max_length=100)]
    url: Annotated[str, Field(max_length=2048)]
    blocked: bool = False
    in_doubt_policy: InDoubtPolicy = InDoubtPolicy.GIVE_UP
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = 64
    timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 30.0
    segments_per_second: Annotated[int, Field(ge=1, le=MAX_SEGMENTS_PER_SECOND)] | None = None
    burst: Annotated[int, Field(ge=1, le=MAX_SEGMENTS_PER_SECOND)] | None = None
    profile: ProfileName | None = None
    parameters: Annotated[dict[ParameterName, ParameterValue], Field(max_length=50)] | None = None
    secrets: Annotated[tuple[SealedSecret, ...], Field(max_length=20)] | None = None


class Profile(Record):
    """A profile of one's own, as YAML. `id` is the name by which carriers call it."""

    schema_version: Literal[1] = 1
    id: ProfileName
    text: Annotated[str, Field(min_length=1, max_length=65_536)]
