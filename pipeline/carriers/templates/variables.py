"""What may stand between the braces of a template, and what it holds for one message."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from math import ceil
from typing import Final, NamedTuple

from pipeline.alphabets.national import LANGUAGES, alphabet, choice_of, septets
from schemas.address import MSISDN, is_short_code
from schemas.messages.mt_message import DataCoding, MtMessage, Segment

Value = str | int | bytes | None
"""What a variable holds; None where it has nothing to say."""

Values = dict[str, Value]


class Kind(Enum):
    """What sort of value a variable holds: it decides which places and filters can take it."""

    TEXT = "text"
    NUMBER = "number"
    OCTETS = "octets"


CORE: Final = {
    "segment_id": Kind.TEXT,
    "message_id": Kind.TEXT,
    "source": Kind.TEXT,
    "destination": Kind.TEXT,
    "data_coding": Kind.NUMBER,
    "udh": Kind.TEXT,
    "text": Kind.TEXT,
}
"""What every request has at hand, in this order. `udh` is in hex, and absent where there is none."""


class Moment(NamedTuple):
    """What is true of one POST and not of its message. `receipt_url` is None where no receipt is wanted."""

    now: datetime
    nonce: str
    receipt_url: str | None = None


class Validity(NamedTuple):
    """Bounds of the validity period that a carrier takes, in seconds."""

    shortest: int = 1
    longest: int = 7 * 86_400


class Sent(NamedTuple):
    """What is handed over by one POST: a segment, or a whole text as if it were one."""

    message: MtMessage
    segment: Segment
    moment: Moment
    validity: Validity


class Extra(NamedTuple):
    """A variable that is made only for requests that have it in them."""

    kind: Kind
    value: Callable[[Sent], Value]


def _validity_seconds(sent: Sent) -> int:
    left = ceil((sent.message.expires_at - sent.moment.now).total_seconds())
    return max(sent.validity.shortest, min(left, sent.validity.longest))


def _septets(sent: Sent) -> bytes | None:
    if sent.message.data_coding is not DataCoding.GSM7:
        return None
    header = sent.message.segments[0].udh
    choice = None if header is None else choice_of(header)
    return septets(sent.segment.text) if choice is None else alphabet(choice).septets(sent.segment.text)


def _expires_at(sent: Sent) -> str:
    ends = sent.moment.now.astimezone(UTC) + timedelta(seconds=_validity_seconds(sent))
    return ends.strftime("%Y-%m-%dT%H:%M:%SZ")


def _source_with_plus(sent: Sent) -> str:
    source = sent.message.source
    return f"+{source}" if MSISDN.fullmatch(source) else source


def _destination_with_plus(sent: Sent) -> str:
    destination = sent.message.destination
    return destination if is_short_code(destination) else f"+{destination}"


EXTRAS: Final = {
    "destination_with_plus": Extra(Kind.TEXT, _destination_with_plus),
    "source_with_plus": Extra(Kind.TEXT, _source_with_plus),
    "seqnum": Extra(Kind.NUMBER, lambda it: it.segment.seqnum),
    "total_segments": Extra(Kind.NUMBER, lambda it: len(it.message.segments)),
    "trunk_id": Extra(Kind.TEXT, lambda it: it.message.trunk_id),
    "account_id": Extra(Kind.TEXT, lambda it: it.message.account_id),
    "udh_octets": Extra(Kind.OCTETS, lambda it: None if it.segment.udh is None else bytes.fromhex(it.segment.udh)),
    "septets": Extra(Kind.OCTETS, _septets),
    "national_language": Extra(Kind.TEXT, lambda it: it.message.national_language),
    "ucs2": Extra(Kind.OCTETS, lambda it: it.segment.text.encode("utf-16-be")),
    "utf8": Extra(Kind.OCTETS, lambda it: it.segment.text.encode()),
    "receipt_url": Extra(Kind.TEXT, lambda it: it.moment.receipt_url),
    "expires_at": Extra(Kind.TEXT, _expires_at),
    "validity_seconds": Extra(Kind.NUMBER, _validity_seconds),
    "validity_minutes": Extra(Kind.NUMBER, lambda it: ceil(_validity_seconds(it) / 60)),
    "validity_milliseconds": Extra(Kind.NUMBER, lambda it: _validity_seconds(it) * 1000),
    "timestamp": Extra(Kind.NUMBER, lambda it: int(it.moment.now.timestamp())),
    "nonce": Extra(Kind.TEXT, lambda it: it.moment.nonce),
}
"""All others. `utf8` and `ucs2` are the text's octets in UTF-8 and in UTF-16, high octet first and without a mark;
`septets` are those of GSM-7, one in each octet.
"""

KINDS: Final = CORE | {name: it.kind for name, it in EXTRAS.items()}


POLLED: Final = {
    "carrier_message_id": Kind.TEXT,
    "segment_id": Kind.TEXT,
    "message_id": Kind.TEXT,
}
"""What the question what became of a segment has at hand: nothing of the message is known any more."""


_NO_LANGUAGE: Final = "default"


class Shape(NamedTuple):
    """What decides which of a template's branches are taken, and what is left out: a handful for each carrier."""

    data_coding: DataCoding
    has_udh: bool
    many: bool
    wants_receipt: bool
    language: str | None = None

    @property
    def cases(self) -> dict[str, str]:
        """What `$case` can ask about a message, with the answers."""
        return {
            "encoding": "gsm7" if self.data_coding is DataCoding.GSM7 else "ucs2",
            "parts": "many" if self.many else "single",
            "receipts": "wanted" if self.wants_receipt else "unwanted",
            "language": self.language or _NO_LANGUAGE,
        }

    @property
    def absent(self) -> frozenset[str]:
        """The variables that hold nothing."""
        there = {
            ("udh", "udh_octets"): self.has_udh,
            ("receipt_url",): self.wants_receipt,
            ("septets",): self.data_coding is DataCoding.GSM7,
            ("national_language",): self.language is not None,
        }
        return frozenset([name for names, is_there in there.items() if not is_there for name in names])


CASES: Final = {
    "encoding": ("gsm7", "ucs2"),
    "parts": ("single", "many"),
    "receipts": ("wanted", "unwanted"),
    "language": (_NO_LANGUAGE, *LANGUAGES),
}
"""What `$case` can ask, and every answer."""
