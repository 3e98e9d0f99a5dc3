"""Receipts of the practice carrier: JSON with its id, a `stat:` word and perhaps an error code (docs/testing.md)."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError

from pipeline.carriers.receipt import ReceiptReport, ReceiptRequest
from pipeline.errors import BadReceipt
from pipeline.receipts.receipt_text import state_of
from schemas.record import WireModel


class _Posted(WireModel):
    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    id: Annotated[str, Field(min_length=1, max_length=128)]
    status: Annotated[str, Field(min_length=1, max_length=32)]
    error: Annotated[str, Field(max_length=64)] | None = None
    at: AwareDatetime | None = None


def read_practice_receipt(request: ReceiptRequest) -> list[ReceiptReport]:
    """Return what a receipt says. Raises `BadReceipt`."""
    try:
        posted = _Posted.model_validate_json(request.body)
    except ValidationError as error:
        where = ", ".join(dict.fromkeys(".".join(map(str, it["loc"])) or "the body" for it in error.errors()))
        raise BadReceipt(f"no receipt of the practice carrier: {where} cannot be read") from None
    done_at: datetime | None = posted.at
    return [ReceiptReport(posted.id, state_of(posted.status), posted.error, done_at)]
