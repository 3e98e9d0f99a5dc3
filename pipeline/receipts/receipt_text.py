"""The text of an SMPP receipt, `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`.

Its form is vendor specific, says SMPP 3.4 (appendix B), and so it is: fields are missing, in another order or case,
with spaces behind the colon; states have more or fewer than seven letters; error codes have letters. The dates have no
zone, and some are zeros: they are not read.
"""

import re
from typing import Final, NamedTuple

from pipeline.errors import BadReceipt
from schemas.messages.dlr import RECEIPT_STATES, MessageState

MAX_TEXT_LENGTH: Final = 4096  # the first 20 characters of a message are the most that belongs into one

_FIELDS: Final = r"(?:id|sub|dlvrd|submit[ _]date|done[ _]date|stat|err|text)"
_FIELD: Final = re.compile(rf"(?:^|\s)({_FIELDS}):[ ]*((?!{_FIELDS}:)\S*)", re.IGNORECASE)
_TEXT: Final = re.compile(r"(?:^|\s)text:", re.IGNORECASE)

_OTHER_WORDS: Final[dict[str, MessageState]] = {
    **{state.name: state for state in MessageState},
    "UNDELIVERED": MessageState.UNDELIVERABLE,
    "FAILED": MessageState.UNDELIVERABLE,
    "CANCELED": MessageState.DELETED,
    "CANCELLED": MessageState.DELETED,
    "BUFFRED": MessageState.ENROUTE,
    "BUFFERD": MessageState.ENROUTE,
    "BUFFERED": MessageState.ENROUTE,
    "ACKED": MessageState.ENROUTE,
    "SCHEDULED": MessageState.ENROUTE,
}
"""Words that carriers write where the specification has others (Kannel, gw/smsc/smsc_smpp.c, has the buffered ones)."""


class ReceiptText(NamedTuple):
    """What a receipt's text says. `id` is the carrier's, as it is written there; a code of zeros is no error."""

    id: str | None
    state: MessageState
    error_code: str | None


def state_of(word: str) -> MessageState:
    """Return the state that a `stat:` word stands for. Raises `BadReceipt`."""
    upper = word.strip().upper()
    state = RECEIPT_STATES.get(upper) or _OTHER_WORDS.get(upper)
    if state is None:
        raise BadReceipt("the state is none that a receipt can have")
    return state


def parse_receipt_text(text: str) -> ReceiptText:
    """Read a receipt's text. Raises `BadReceipt` without a state that is known."""
    if len(text) > MAX_TEXT_LENGTH:
        raise BadReceipt(f"the receipt's text is longer than {MAX_TEXT_LENGTH} characters")
    # What follows `text:` is the customer's, and may look like a field.
    begin = _TEXT.search(text)
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text if begin is None else text[: begin.start()]):
        fields.setdefault(name.lower(), value)
    if not fields.get("stat"):
        raise BadReceipt("the receipt's text has no state")
    error = fields.get("err") or ""
    return ReceiptText(fields.get("id") or None, state_of(fields["stat"]), error if error.strip("0") else None)
