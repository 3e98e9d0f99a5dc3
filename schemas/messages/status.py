"""What became of a message: the record that logs, metrics and callbacks are built from."""

from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from schemas.identifiers import Uuid
from schemas.messages.dlr import SegmentOutcome
from schemas.record import Record
from schemas.text.smart_encoding import TextChanges
from schemas.unchecked import unchecked


class StatusStage(StrEnum):
    """Which of the contract's three stages reports (docs/http-api.md); submission is the 201 itself."""

    PROCESSING = "processing"  # callback type outbound_message_callbacks
    DELIVERY = "delivery"  # callback type dlr_event


class StatusName(StrEnum):
    """The contract's words for the processing stage."""

    SUCCESS = "Success"  # handed to the carrier: no proof of receipt
    ROUTING_ERROR = "Routing error"
    FAILED = "Failed"
    CANCELED = "Canceled"  # before a carrier had any of it


CANCELED_REASON: Final = "canceled by the customer"


class DeliveryName(StrEnum):
    """The contract's words for the delivery stage; all but the first say that the message did not get through."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"  # SMPP's UNDELIV
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    DELETED = "DELETED"
    SKIPPED = "SKIPPED"
    UNKNOWN = "UNKNOWN"  # the carrier says so, or no receipt came in time


class CodeId(IntEnum):
    """Why a message ended without success (docs/http-api.md)."""

    NO_ROUTES_FOUND = 1
    NO_RATE_FOUND = 2
    INTERNAL_ERROR = 4
    TRUNK_BLOCKED = 5
    IN_DOUBT = 6  # the contract's second "Internal error": the carrier may or may not have taken it
    ACCOUNT_BLOCKED = 7
    SOURCE_NOT_ALLOWED = 8
    DESTINATION_NOT_ALLOWED = 9
    CAMPAIGN_NOT_FOUND = 10
    CAMPAIGN_DOES_NOT_COVER = 11  # the sender or the trunk; the contract has one meaning for both
    INSUFFICIENT_BALANCE = 100
    ALL_ATTEMPTS_FAILED = 101
    NO_ENCODING = 102
    DEFRAGMENTATION_FAILED = 104
    ROUTING_FAILED = 105


class MessageStatus(Record):
    """One outcome of one message.

    `reason` says in words what `code_id` says as a number. `segments_sent` counts the segments that the carrier
    accepted. `receipts` is set on a success whose trunk wants to hear what comes of it; `posts` says how many POSTs
    carried it, each with a receipt of its own, where that was not one for each segment. `segments` is the delivery
    stage's detail, one entry for each receipt that came. `client_reference`, `tags` and `campaign_id` are the
    customer's.
    `text_changes` and `national_language` say what its text has become, at the processing stage alone.
    Its callbacks go to `callback_url` where it has one of its own.
    """

    schema_version: Literal[1] = 1
    message_id: Uuid
    trunk_id: Uuid
    account_id: Uuid | None = None
    stage: StatusStage
    status: str
    code_id: CodeId | None = None
    reason: str | None = None
    source: str
    destination: str
    accepted_at: AwareDatetime
    ended_at: AwareDatetime
    segments_total: Annotated[int, Field(ge=0)] = 0
    segments_sent: Annotated[int, Field(ge=0)] = 0
    price_per_segment: Decimal | None = None
    currency: str | None = None
    carrier_id: Uuid | None = None
    possible_duplicate: bool | None = None
    receipts: bool | None = None
    posts: Annotated[int, Field(ge=1, le=255)] | None = None
    segments: tuple[SegmentOutcome, ...] | None = None
    client_reference: str | None = None
    tags: tuple[str, ...] | None = None
    campaign_id: Uuid | None = None
    text_changes: TextChanges | None = None
    national_language: str | None = None
    callback_url: str | None = None

    @property
    def webhook_id(self) -> str:
        """The notification's id: constant over attempts and replays (Standard Webhooks, `webhook-id`)."""
        return f"{self.message_id}.{self.stage.value}"


UncheckedMessageStatus: Final = unchecked(MessageStatus)
