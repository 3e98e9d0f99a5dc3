"""A carrier's receipt as it comes over HTTP, and what it says."""

from datetime import datetime
from typing import NamedTuple

from schemas.messages.dlr import MessageState


class ReceiptRequest(NamedTuple):
    """What a carrier has posted, or asked for with a query."""

    method: str
    query: tuple[tuple[str, str], ...]
    content_type: str
    body: bytes


class ReceiptReport(NamedTuple):
    """What it says of one segment. `done_at` is by the carrier's clock."""

    carrier_message_id: str | None
    state: MessageState
    error_code: str | None
    done_at: datetime | None
