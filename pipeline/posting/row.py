"""One thing that waits, as a row on disk: whose it is, what its record says, and where that is kept for a restart."""

from enum import IntEnum
from typing import Final, NamedTuple

from schemas.record import InRecord

NO_END: Final = 1 << 62


class Stored(IntEnum):
    """Where a row's record is kept for a restart."""

    IN_PLACE = 0  # where it was read, uncommitted
    ON_ITS_WAY = 1  # it will be written to the parking topic with the commit that passes it
    PARKED = 2  # in the parking topic
    BEING_READ = 3  # there too, but whether it is done already is not known yet


class FlowKey(NamedTuple):
    """Names a flow: its peer, its own name and its account."""

    peer: str
    name: str
    account: str


class Row(NamedTuple):
    """Something that waits. `lane` 0 needs no order; `expires_ms` is when it must not wait any longer (Unix time).

    `movable`: another peer may take it instead, as far as is known without a look at the record.
    """

    seq: int
    flow: FlowKey
    lane: int
    record: InRecord
    expires_ms: int = NO_END
    stored: Stored = Stored.IN_PLACE
    movable: bool = False
