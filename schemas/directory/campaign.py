"""A campaign: what an account sends as an application (A2P), from which senders and through which trunks."""

from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.address import Msisdn
from schemas.directory.sender import SenderAddress
from schemas.identifiers import Uuid
from schemas.record import Record

MAX_LISTED: Final = 1000


class Campaign(Record):
    """Ties senders to trunks. Within it a DID need not be P2P-enabled, nor the trunk allow the sender otherwise.

    `senders` are DIDs and registered senders of its account. Everything of a blocked one is refused.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    account_id: Uuid
    name: Annotated[str, Field(min_length=1, max_length=100)]
    blocked: bool = False
    senders: Annotated[tuple[Msisdn | SenderAddress, ...], Field(min_length=1, max_length=MAX_LISTED)]
    trunk_ids: Annotated[tuple[Uuid, ...], Field(min_length=1, max_length=MAX_LISTED)]
