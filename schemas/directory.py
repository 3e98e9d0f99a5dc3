"""Configuration as records of the compacted topic `sms.directory`, keyed `<kind>:<id>`.

A null value deletes. A trunk is deleted in two steps: `deleted_at` takes it out of service while its messages in
flight still need its callback URL; the record itself goes later.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from schemas.address import Msisdn
from schemas.identifiers import Uuid
from schemas.wire import Record, WireModel


class Account(Record):
    """A customer."""

    schema_version: Literal[1] = 1
    id: Uuid
    name: Annotated[str, Field(min_length=1, max_length=100)]
    blocked: bool = False


class Did(Record):
    """A phone number that an account owns. `p2p_enabled`: it may be the sender of SMS (Outbound P2P SMS)."""

    schema_version: Literal[1] = 1
    number: Msisdn
    account_id: Uuid
    p2p_enabled: bool = False


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
    enables it again.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    account_id: Uuid
    name: Annotated[str, Field(min_length=1, max_length=100)]
    callback_url: Annotated[str, Field(max_length=2048)] | None = None
    callback_disabled_at: AwareDatetime | None = None
    allowed_ips: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    allow_any_did: bool = True
    allowed_sources: Annotated[tuple[Msisdn, ...], Field(max_length=100_000)] = ()
    blocked: bool = False
    receipts_enabled: bool = False
    credentials: Annotated[tuple[PasswordVerifier, ...], Field(min_length=1, max_length=2)]
    callback_secrets: Annotated[tuple[CallbackSecret, ...], Field(min_length=1, max_length=2)]
    created_at: AwareDatetime
    deleted_at: AwareDatetime | None = None

    @property
    def credentials_version(self) -> int:
        """Counts up with every regeneration."""
        return self.credentials[0].version


class InDoubtPolicy(StrEnum):
    """What to do with a segment that the carrier may or may not have taken."""

    RESEND_WITH_KEY = "resend_with_key"  # the carrier honours Idempotency-Key
    QUERY = "query"  # the carrier tells what it has taken
    GIVE_UP = "give_up"  # fails, and becomes a dead letter that an operator can settle
    RESEND = "resend"  # flagged as a possible duplicate


class Carrier(Record):
    """Where segments go. `max_in_flight` bounds the POSTs that one delivery process has open to it.

    A carrier with the policy `query` takes GET `<url>/<segment id>`: 200 says that it has the segment, 404 that it
    has not.
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


class PanelRole(StrEnum):
    """What a person may do in the panel."""

    OPERATOR = "operator"  # every account
    OWNER = "owner"
    MEMBER = "member"
    READ_ONLY = "read_only"


class PanelUser(Record):
    """A person who logs in to the panel. `password_hash` is argon2id in PHC form; an operator has no account."""

    schema_version: Literal[1] = 1
    id: Uuid
    account_id: Uuid | None = None
    email: Annotated[str, Field(min_length=3, max_length=254)]
    role: PanelRole
    password_hash: str
    blocked: bool = False


class ApiKey(Record):
    """A program's access to the management API: acts with `role` in one account, an operator's in all of them.

    `digest` is the key's SHA-256 (hex): a key is 256 random bits, so nothing slower is needed. `hint` is its end, to
    tell keys apart.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    account_id: Uuid | None = None
    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: PanelRole
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    hint: Annotated[str, Field(min_length=4, max_length=4)]
    created_at: AwareDatetime


class WriterClaim(Record):
    """Who writes `sms.directory` now: the record `writer:current`, which is no configuration."""

    schema_version: Literal[1] = 1
    instance: Uuid
    host: str
    pid: int
    since: AwareDatetime


DirectoryEntry = Account | Did | Trunk | Carrier | Route | PanelUser | ApiKey

KINDS: Final[dict[str, type[DirectoryEntry]]] = {
    "account": Account,
    "did": Did,
    "trunk": Trunk,
    "carrier": Carrier,
    "route": Route,
    "paneluser": PanelUser,
    "apikey": ApiKey,
}
"""The kinds of entries, by the first part of their key."""


def key_of(entry: DirectoryEntry) -> bytes:
    """Return the record key, `<kind>:<id>`; a DID's id is its number."""
    # Not isinstance: pydantic's costs 3 microseconds when the answer is no, and this is asked for every record.
    identity = entry.number if type(entry) is Did else entry.id  # type: ignore[union-attr]
    return f"{type(entry).__name__.lower()}:{identity}".encode()
