"""A sender that is no phone number: a name, or a short code."""

from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.address import SHORT_CODE_PATTERN
from schemas.directory.trunk import Country
from schemas.identifiers import Uuid
from schemas.record import Record

MAX_NAME_LENGTH: Final = 11
"""Septets that the ten octets of an originating address hold (3GPP TS 23.040 section 9.1.2.5)."""

_LETTERS: Final = "A-Za-zèéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉÄÖÑÜäöñüà"
_OTHERS: Final = "0-9.&_\\-"
_NAME: Final = f"(?:[{_OTHERS}][{_OTHERS} ]*)?[{_LETTERS}](?:[{_LETTERS}{_OTHERS} ]*[{_LETTERS}{_OTHERS}])?"
SENDER_PATTERN: Final = f"^(?:{SHORT_CODE_PATTERN}|{_NAME})$"

SenderAddress = Annotated[str, Field(max_length=MAX_NAME_LENGTH, pattern=SENDER_PATTERN)]
"""A name of 1 to 11 letters of the GSM 7-bit default alphabet, digits, spaces inside and `.-&_`, with one letter at
least; or a short code.

Short codes are those of 3 to 6 digits, which covers 5 and 6 of North America and 3 to 6 of most other plans. From 7
digits on a source is a number in international format (`schemas.address`): what a carrier is told must not be a guess.
"""


class Sender(Record):
    """What an account may send from besides its DIDs, to the countries that it is good for; None: to all.

    Where a name must be registered, and with whom, each country's operators say: this is what is registered there.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    account_id: Uuid
    address: SenderAddress
    countries: Annotated[tuple[Country, ...], Field(min_length=1, max_length=300)] | None = None
