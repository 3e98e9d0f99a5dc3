"""An account and the numbers that it owns."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.address import Msisdn
from schemas.identifiers import Uuid
from schemas.wire import Record


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
