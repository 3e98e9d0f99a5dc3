"""One message to one destination: authorized, encoded, cut into segments and routed; and one that waits for a retry."""

from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from schemas.address import DestinationAddress
from schemas.identifiers import SegmentId, Uuid, segment_id
from schemas.record import Record, WireModel
from schemas.text.smart_encoding import TextChanges
from schemas.unchecked import unchecked

MAX_ALTERNATIVES: Final = 4


class DataCoding(IntEnum):
    """How the segments' text is coded on the air (SMPP 3.4 section 5.2.19)."""

    GSM7 = 0x00
    UCS2 = 0x08


ENCODINGS: Final = {DataCoding.GSM7: "GSM-7", DataCoding.UCS2: "UCS-2"}
"""The contract's words for them."""


class Segment(WireModel):
    """One part on the air.

    `udh` is the user data header in hex (3GPP TS 23.040 section 9.2.3.24), absent when it has nothing to say: of a
    message with one segment and without a national language.
    """

    seqnum: Annotated[int, Field(ge=1, le=255)]
    text: str
    udh: Annotated[str, Field(pattern=r"^([0-9a-f]{2}){1,140}$")] | None = None


UncheckedSegment: Final = unchecked(Segment)


class Alternative(WireModel):
    """Another carrier that would take the message, and what a segment costs there."""

    carrier_id: Uuid
    price_per_segment: Decimal | None = None
    currency: str | None = None


UncheckedAlternative: Final = unchecked(Alternative)


class MtMessage(Record):
    """A mobile-terminated message, ready for its carrier.

    `alternatives` are the carriers that it may go to when its own definitely has not taken it, in their order.
    `receipts` is set where its trunk wants delivery receipts. `client_reference`, `tags` and `campaign_id` are the
    customer's.
    `text_changes` says what the text has become; it is in the tables of `national_language` where there is one, which
    the segments' headers name too.
    `bulk_id` names the submission of a scheduled message that is one of several, by which all of them are cancelled.
    Its callbacks go to `callback_url` where it has one of its own.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    trunk_id: Uuid
    account_id: Uuid
    source: str
    destination: DestinationAddress
    data_coding: DataCoding
    segments: Annotated[tuple[Segment, ...], Field(min_length=1, max_length=255)]
    carrier_id: Uuid
    price_per_segment: Decimal | None = None
    currency: str | None = None
    alternatives: Annotated[tuple[Alternative, ...], Field(min_length=1, max_length=MAX_ALTERNATIVES)] | None = None
    accepted_at: AwareDatetime
    expires_at: AwareDatetime
    receipts: bool | None = None
    client_reference: str | None = None
    tags: tuple[str, ...] | None = None
    campaign_id: Uuid | None = None
    text_changes: TextChanges | None = None
    national_language: str | None = None
    bulk_id: Uuid | None = None
    callback_url: str | None = None

    @property
    def carriers(self) -> tuple[str, ...]:
        """Its own carrier and the alternatives, by their ids."""
        return (self.carrier_id, *(it.carrier_id for it in self.alternatives or ()))

    def through(self, carrier_id: str) -> "MtMessage":
        """Return it on its way through another of its carriers, whose next one is then the one after that, in a ring.

        It stays as it is when the carrier is its own already, or none of its.
        """
        own = Alternative(carrier_id=self.carrier_id, price_per_segment=self.price_per_segment, currency=self.currency)
        ring = (own, *(self.alternatives or ()))
        place = next((place for place, it in enumerate(ring) if it.carrier_id == carrier_id), 0)
        if not place:
            return self
        taker, *others = ring[place:] + ring[:place]
        return self.model_copy(update={**dict(taker), "alternatives": tuple(others)})

    def segment_id(self, segment: Segment) -> SegmentId:
        """Return the id that the carrier sees as idempotency key."""
        return segment_id(self.id, segment.seqnum)

    def is_expired(self, now: datetime) -> bool:
        """Tell whether its time to live has ended."""
        return now >= self.expires_at


UncheckedMtMessage: Final = unchecked(MtMessage)


class WaitingMessage(Record):
    """A message of which the segments from `next_seqnum` on are still to be sent.

    `attempt` is the number of the attempt that comes next; `last_error` says why it waits.
    """

    schema_version: Literal[1] = 1
    message: MtMessage
    attempt: Annotated[int, Field(ge=1)]
    next_seqnum: Annotated[int, Field(ge=1, le=255)]
    first_attempt_at: AwareDatetime
    due_at: AwareDatetime
    last_error: str
    deferred: Annotated[int, Field(ge=1)] | None = None
    """Of records that were written before what waits for its carrier was parked: it says nothing any more."""
    in_doubt: bool = False
    """The last attempt at segment `next_seqnum` may have reached the carrier."""
    possible_duplicate: bool = False
    """A segment that may have reached the carrier has been, or will be, posted again."""
