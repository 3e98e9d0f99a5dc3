"""Who may use the panel and the management API."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.identifiers import Uuid
from schemas.record import Record, WireModel


class PanelRole(StrEnum):
    """What a person may do in the panel."""

    OPERATOR = "operator"  # every account
    OWNER = "owner"
    MEMBER = "member"
    READ_ONLY = "read_only"


class SecondFactor(WireModel):
    """The secret of a person's one-time codes (TOTP, RFC 6238), sealed like the passwords of trunks."""

    sealed: str
    key_id: str


class Invitation(WireModel):
    """What lets a new person choose a password: the SHA-256 (hex) of a random token, and until when."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    expires_at: AwareDatetime


class PanelUser(Record):
    """A person who logs in to the panel. `password_hash` is argon2id in PHC form; an operator has no account.

    With a `second_factor` a one-time code is asked for after the password. Who has an `invitation` has not chosen a
    password yet, and nobody knows the one whose hash is there.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    account_id: Uuid | None = None
    email: Annotated[str, Field(min_length=3, max_length=254)]
    role: PanelRole
    password_hash: str
    blocked: bool = False
    second_factor: SecondFactor | None = None
    invitation: Invitation | None = None


class ApiKey(Record):
    """A program's access to the management API: acts with `role` in one account, an operator's in all of them.

    `digest` is the key's SHA-256 (hex): a key is 256 random bits, so nothing slower is needed. `hint` is its end, to
    tell keys apart. From `expires_at` on it is refused; None is never.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    account_id: Uuid | None = None
    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: PanelRole
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    hint: Annotated[str, Field(min_length=4, max_length=4)]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
