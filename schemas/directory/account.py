"""An account and the numbers that it owns."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from schemas.address import Msisdn
from schemas.directory.limits import (
    MessagesPerWindow,
    RequestsPerSecond,
    SegmentsPerDay,
    SegmentsPerSecond,
    SpendCurrency,
    SpendPerDay,
    WindowMinutes,
)
from schemas.identifiers import Uuid
from schemas.record import Record


class NumberCheck(StrEnum):
    """How the numbers of an account are checked."""

    PLAN = "plan"  # against the numbering plan of their country, and for their E.164 form
    FORM = "form"  # 7 to 15 digits that do not begin with 0

    @property
    def written(self) -> "NumberCheck | None":
        """What stands in an account's record: nothing for what is usual."""
        return None if self is NumberCheck.PLAN else self


class Account(Record):
    """A customer.

    `number_check`: how its destinations and its own numbers are checked; None is `plan`. `store_texts`: the message log
    keeps the texts of its messages; None is no. The limits, as a trunk
    has them, are for all of its trunks together, beside those of each.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    name: Annotated[str, Field(min_length=1, max_length=100)]
    blocked: bool = False
    number_check: NumberCheck | None = None
    store_texts: bool | None = None
    segments_per_second: SegmentsPerSecond | None = None
    requests_per_second: RequestsPerSecond | None = None
    segments_per_day: SegmentsPerDay | None = None
    spend_per_day: SpendPerDay | None = None
    spend_currency: SpendCurrency | None = None
    messages_per_number: MessagesPerWindow | None = None
    number_window_minutes: WindowMinutes | None = None
    messages_per_range: MessagesPerWindow | None = None
    range_window_minutes: WindowMinutes | None = None
    same_text_minutes: WindowMinutes | None = None

    @property
    def checks(self) -> NumberCheck:
        """How its numbers are checked."""
        return self.number_check or NumberCheck.PLAN

    @property
    def is_limited_by_day(self) -> bool:
        """Whether the messages of its trunks are counted."""
        return self.segments_per_day is not None or self.spend_per_day is not None

    @property
    def is_guarded(self) -> bool:
        """Whether what its trunks send is screened for too many to one number or range, or the same text again."""
        return not (
            self.messages_per_number is None and self.messages_per_range is None and self.same_text_minutes is None
        )

    @property
    def keeps_text(self) -> bool:
        """Whether the message log keeps the texts of its messages."""
        return bool(self.store_texts)


class Did(Record):
    """A phone number that an account owns. `p2p_enabled`: it may be the sender of SMS (Outbound P2P SMS)."""

    schema_version: Literal[1] = 1
    number: Msisdn
    account_id: Uuid
    p2p_enabled: bool = False
