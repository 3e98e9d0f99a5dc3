"""An HTTP OUT SMS trunk, its credentials and its signing secrets."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.address import Msisdn
from schemas.directory.callback_options import CallbackOptions
from schemas.directory.limits import (
    MessagesPerWindow,
    RequestsPerSecond,
    SegmentsPerDay,
    SegmentsPerSecond,
    SpendCurrency,
    SpendPerDay,
    WindowMinutes,
)
from schemas.identifiers import Uuid
from schemas.record import Record, WireModel
from schemas.text.smart_encoding import SmartEncoding

Country = Annotated[str, Field(pattern=r"^(?:[A-Z]{2}|001)$")]
"""ISO 3166-1 alpha-2, or 001 for networks of no country (`pipeline.countries`)."""


class PasswordVerifier(WireModel):
    """A password as ingress can check it: HMAC-SHA256 (hex) under the installation's pepper.

    `sealed` is the password itself under AES-256-GCM (base64 of nonce and ciphertext, key named by `key_id`); only
    the panel can open it. `valid_until` is set on a password that has been replaced with a grace period.
    """

    username: Annotated[str, Field(min_length=8, max_length=64)]
    version: Annotated[int, Field(ge=1)]
    hmac: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    sealed: str
    key_id: str
    valid_until: AwareDatetime | None = None


class CallbackSecret(WireModel):
    """A signing secret in Standard Webhooks' form, `whsec_<base64 of 24..64 bytes>`.

    `valid_until` is set on one that has been rotated out; until then both sign.
    """

    secret: Annotated[str, Field(pattern=r"^whsec_[A-Za-z0-9+/]{32,88}={0,2}$")]
    valid_until: AwareDatetime | None = None


class Trunk(Record):
    """An HTTP OUT SMS trunk, with every field of the product page.

    `allowed_ips` holds networks in CIDR form; empty allows all. `allowed_sources` counts only while
    `allow_any_did` is off. `credentials` and `callback_secrets` list the current one first. `callback_disabled_at` is
    when the endpoint answered 410, which says that it wants no more notifications; a new URL or somebody in the panel
    enables it again. `callbacks` says how it wants to be told, where that is not as usual. `segments_per_second` bounds
    what all processes together post of its messages to carriers, `requests_per_second` what all ingress processes
    together answer of its requests other than with 429. Numbers in `refused_countries` are no destinations.
    `smart_encoding` holds for messages that say nothing of it; absent is off.
    `segments_per_day` and `spend_per_day`, in `spend_currency`, bound what is routed of its messages on a day in UTC.
    `messages_per_number` and `messages_per_range` bound what goes to a number, and to one range, in so many minutes;
    `same_text_minutes` is for how long a number is not sent the same text again.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    account_id: Uuid
    name: Annotated[str, Field(min_length=1, max_length=100)]
    callback_url: Annotated[str, Field(max_length=2048)] | None = None
    callback_disabled_at: AwareDatetime | None = None
    callbacks: CallbackOptions | None = None
    allowed_ips: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    allow_any_did: bool = True
    allowed_sources: Annotated[tuple[Msisdn, ...], Field(max_length=100_000)] = ()
    blocked: bool = False
    receipts_enabled: bool = False
    segments_per_second: SegmentsPerSecond | None = None
    refused_countries: Annotated[tuple[Country, ...], Field(max_length=300)] | None = None
    requests_per_second: RequestsPerSecond | None = None
    smart_encoding: SmartEncoding | None = None
    segments_per_day: SegmentsPerDay | None = None
    spend_per_day: SpendPerDay | None = None
    spend_currency: SpendCurrency | None = None
    messages_per_number: MessagesPerWindow | None = None
    number_window_minutes: WindowMinutes | None = None
    messages_per_range: MessagesPerWindow | None = None
    range_window_minutes: WindowMinutes | None = None
    same_text_minutes: WindowMinutes | None = None
    credentials: Annotated[tuple[PasswordVerifier, ...], Field(min_length=1, max_length=2)]
    callback_secrets: Annotated[tuple[CallbackSecret, ...], Field(min_length=1, max_length=2)]
    created_at: AwareDatetime
    deleted_at: AwareDatetime | None = None

    @property
    def is_limited_by_day(self) -> bool:
        """Whether its messages are counted."""
        return self.segments_per_day is not None or self.spend_per_day is not None

    @property
    def is_guarded(self) -> bool:
        """Whether what it sends is screened for too many to one number or range, or the same text again."""
        return not (
            self.messages_per_number is None and self.messages_per_range is None and self.same_text_minutes is None
        )
