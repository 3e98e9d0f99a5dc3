"""Records of our agents as far as the log is about them: shapes, read without the checks of their models.

An attribute that is not named here is passed over, whatever it holds.
"""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from schemas.messages.labels import MAX_REFERENCE_LENGTH, MAX_TAG_LENGTH, MAX_TAGS
from schemas.urls import MAX_URL_LENGTH

# Bounded as everything that is indexed must be: PostgreSQL takes no entry of more than 2.7 kB.
Name = Annotated[str, Meta(max_length=64)]
Count = Annotated[int, Meta(ge=0, le=2_147_483_647)]
Reference = Annotated[str, Meta(max_length=MAX_REFERENCE_LENGTH)]
Url = Annotated[str, Meta(max_length=MAX_URL_LENGTH)]
Tags = Annotated[list[Annotated[str, Meta(max_length=MAX_TAG_LENGTH)]], Meta(max_length=MAX_TAGS)]


class Segmented(Struct, gc=False):
    """A message that is ready for its carrier."""

    id: Name
    trunk_id: Name
    account_id: Name
    source: Name
    destination: Name
    data_coding: Count
    segments: list[Raw]
    carrier_id: Name
    accepted_at: datetime
    expires_at: datetime
    price_per_segment: str | None = None
    currency: str | None = None
    client_reference: Reference | None = None
    tags: Tags | None = None
    campaign_id: Name | None = None
    text_changes: Raw = Raw()
    national_language: Name | None = None
    callback_url: Url | None = None


class Status(Struct, gc=False):
    """What became of a message, in one of its stages."""

    message_id: Name
    trunk_id: Name
    stage: Name
    status: Name
    source: Name
    destination: Name
    accepted_at: datetime
    ended_at: datetime
    account_id: Name | None = None
    code_id: Count | None = None
    reason: str | None = None
    segments_sent: Count = 0
    price_per_segment: str | None = None
    currency: str | None = None
    carrier_id: Name | None = None
    possible_duplicate: bool | None = None
    segments: Raw = Raw()  # `Raw | None` would be read as null alone
    client_reference: Reference | None = None
    tags: Tags | None = None
    callback_url: Url | None = None
    campaign_id: Name | None = None


class Mark(Struct, gc=False):
    """Delivery's mark of an attempt at a segment."""

    segment_id: Name
    mark: Name
    attempt: Count
    at: datetime
    carrier_id: Name
    carrier_message_id: str | None = None
    error: str | None = None
    whole: bool | None = None


class Attempt(Struct, gc=False):
    """An attempt to notify."""

    webhook_id: Annotated[str, Meta(max_length=128)]
    message_id: Name
    trunk_id: Name
    attempt: Count
    endpoint: str
    at: datetime
    milliseconds: Count
    outcome: Name
    resent_at: datetime | None = None
    status_code: Count | None = None
    error: str | None = None
    answer: str | None = None


class Text(Struct, gc=False):
    """A segment, of which the text is wanted."""

    text: str


read_segmented: Final = Decoder(Segmented).decode
read_status: Final = Decoder(Status).decode
read_mark: Final = Decoder(Mark).decode
read_attempt: Final = Decoder(Attempt).decode
read_text: Final = Decoder(Text).decode
