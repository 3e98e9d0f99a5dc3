"""Somebody who wants no messages of an account: a record of `sms.opted-out`, which is compacted."""

from typing import Literal

from pydantic import AwareDatetime

from schemas.address import Msisdn
from schemas.identifiers import Uuid
from schemas.record import Record


class OptOut(Record):
    """A number to which an account sends nothing. The key is `<account id>:<number>`; without a value it is over."""

    schema_version: Literal[1] = 1
    account_id: Uuid
    number: Msisdn
    opted_out_at: AwareDatetime


def opt_out_key(account_id: str, number: str) -> bytes:
    """Return the key of a record."""
    return f"{account_id}:{number}".encode()
