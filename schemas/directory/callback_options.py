"""How a trunk wants to be told: what of, with which headers and as whom."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from schemas.directory.sealed_secret import SealedSecret
from schemas.record import WireModel

MAX_HEADERS: Final = 20
MAX_HEADER_LENGTH: Final = 1024
MAX_USERNAME_LENGTH: Final = 255
MAX_PEM_LENGTH: Final = 16_384
MAX_FAILOVER_AFTER: Final = 10

HeaderName = Annotated[str, Field(max_length=64, pattern=r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$")]
"""A field name (RFC 9110 section 5.1); which names are ours is a rule of the directory."""

HeaderValue = Annotated[str, Field(max_length=MAX_HEADER_LENGTH, pattern=r"^([!-~]([ -~]*[!-~])?)?$")]
"""Printable ASCII: no line can be broken, and nobody reads other bytes in two ways (RFC 9110 section 5.5)."""


Username = Annotated[str, Field(min_length=1, max_length=MAX_USERNAME_LENGTH, pattern=r"^[^:\x00-\x1f\x7f-\x9f]+$")]
"""A user of HTTP Basic, which ends where the password begins (RFC 7617 section 2)."""

Pem = Annotated[str, Field(min_length=1, max_length=MAX_PEM_LENGTH, pattern=r"^[\n -~]+$")]
"""Certificates in PEM, whose lines end with a line feed."""


class CallbackEvent(StrEnum):
    """What a trunk can be told of; each status is one of these."""

    SENT = "sent"  # handed to the carrier
    NOT_SENT = "not_sent"  # any other end of the processing stage
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"  # any other end of the delivery stage


class CallbackOptions(WireModel):
    """What a trunk says of its callbacks; what is None is as usual.

    `events` are those that it is told of (None: all). `headers` go with each POST beside ours. `username` is that of
    HTTP Basic; `ca` is trusted in place of the usual authorities; `client_certificate` is who we are. `secrets` are the
    `password` of Basic or a Bearer `token`, and the `client_key` of the certificate. After `failover_after` attempts
    that failed a notification goes to `failover_url`, and so does what would have to wait for an endpoint that is away.
    With `batch` several events are in one POST.
    """

    events: Annotated[tuple[CallbackEvent, ...], Field(min_length=1, max_length=len(CallbackEvent))] | None = None
    headers: Annotated[dict[HeaderName, HeaderValue], Field(min_length=1, max_length=MAX_HEADERS)] | None = None
    username: Username | None = None
    ca: Pem | None = None
    client_certificate: Pem | None = None
    secrets: Annotated[tuple[SealedSecret, ...], Field(min_length=1, max_length=3)] | None = None
    failover_url: Annotated[str, Field(max_length=2048)] | None = None
    failover_after: Annotated[int, Field(ge=1, le=MAX_FAILOVER_AFTER)] | None = None
    batch: bool | None = None

    @property
    def written(self) -> "CallbackOptions | None":
        """What stands in a trunk's record: nothing where all is as usual."""
        return None if self == CallbackOptions() else self
