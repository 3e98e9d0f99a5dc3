"""Where a carrier posts the receipt of a segment to: an address that only we can make, and that names the segment.

The reference is the segment's id and the first half of an HMAC-SHA256 over it and the carrier's name (RFC 2104
section 5 allows the half), in base64url (RFC 4648 section 5). So whoever has one can report of that one segment, as
that carrier, and of nothing else.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final
from urllib.parse import quote
from uuid import UUID

from schemas.identifiers import SegmentId, segment_id

REFERENCE_LENGTH: Final = 44
TOKEN: Final = "token"  # noqa: S105  # the name of the query's parameter
_MAC_BYTES: Final = 16
_TOKEN_BYTES: Final = 24
_REFERENCE: Final = b"receipt reference\0"
_TOKEN: Final = b"receipt token\0"


def receipt_url(base_url: str, carrier_name: str, segment_id: str, key: bytes) -> str:
    """Return where the carrier with this name posts the receipt of a segment to.

    `base_url` is where carriers reach ingress.
    """
    message_id, _, seqnum = segment_id.rpartition(":")
    named = UUID(message_id).bytes + bytes((int(seqnum),))
    reference = urlsafe_b64encode(named + _mac(key, carrier_name, named)).decode()
    return f"{receipts_url(base_url, carrier_name)}/{reference}"


def verify(carrier_name: str, reference: str, key: bytes) -> SegmentId | None:
    """Return the segment that a reference is about; None when we have not given it to this carrier."""
    if len(reference) != REFERENCE_LENGTH or not reference.isascii():
        return None
    try:
        given = urlsafe_b64decode(reference)
    except binascii.Error:
        return None
    named, mac = given[:-_MAC_BYTES], given[-_MAC_BYTES:]
    # The decoder passes over characters that are not of its alphabet: there is one way to write a reference.
    if not hmac.compare_digest(mac, _mac(key, carrier_name, named)) or urlsafe_b64encode(given).decode() != reference:
        return None
    return segment_id(str(UUID(bytes=named[:16])), named[16])


def receipts_url(base_url: str, carrier_name: str) -> str:
    """Return where a carrier that takes no reference posts all its receipts to; its token goes with them."""
    return f"{base_url.rstrip('/')}/carriers/{quote(carrier_name, safe='')}/receipts"


def receipt_token(carrier_name: str, key: bytes) -> str:
    """Return the token by which such a carrier is known."""
    mac = hmac.digest(key, _TOKEN + carrier_name.encode(), "sha256")
    return urlsafe_b64encode(mac[:_TOKEN_BYTES]).decode()


def _mac(key: bytes, carrier_name: str, named: bytes) -> bytes:
    return hmac.digest(key, _REFERENCE + named + carrier_name.encode(), "sha256")[:_MAC_BYTES]
