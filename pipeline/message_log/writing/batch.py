"""Many records, brought together by message: what a message goes through within a moment becomes one row at once."""

from collections.abc import Sequence, Set
from typing import Any, Final

from pipeline.message_log.tables import DAY_US, stored_tags, tables_of

MessageRow = list[Any]
"""A row of a table of messages, in the order of its columns."""

COLUMNS: Final = tuple(tables_of(0).messages.columns.keys())
_PLACE: Final = {name: place for place, name in enumerate(COLUMNS)}
_WIDTH: Final = len(COLUMNS)

ACCOUNT_ID: Final = _PLACE["account_id"]
SOURCE: Final = _PLACE["source"]
DESTINATION: Final = _PLACE["destination"]
ACCEPTED_AT: Final = _PLACE["accepted_at"]
CONTENT: Final = _PLACE["content"]
SENT_CONTENT: Final = _PLACE["sent_content"]
CLIENT_REFERENCE: Final = _PLACE["client_reference"]
CALLBACK_URL: Final = _PLACE["callback_url"]
TAGS: Final = _PLACE["tags"]
CAMPAIGN_ID: Final = _PLACE["campaign_id"]
SUBMITTED: Final = slice(_PLACE["submitted_partition"], _PLACE["submitted_offset"] + 1)
SCHEDULED: Final = slice(_PLACE["scheduled_partition"], _PLACE["bulk_id"] + 1)
SEGMENTED: Final = slice(_PLACE["segmented_partition"], _PLACE["national_language"] + 1)
PROCESSED: Final = slice(_PLACE["status"], _PLACE["possible_duplicate"] + 1)
DELIVERED: Final = slice(_PLACE["delivery_status"], _PLACE["receipts"] + 1)

JournalKey = tuple[str, int, int]
CallbackKey = tuple[str, str, str, int, int]
CancellationKey = tuple[str, str, int]


class DayRows:
    """What is to be written into the tables of one day."""

    def __init__(self) -> None:
        self.messages: dict[tuple[str, str], MessageRow] = {}
        self.journal: dict[JournalKey, tuple[Any, ...]] = {}
        self.callbacks: dict[CallbackKey, tuple[Any, ...]] = {}
        self.cancellations: dict[CancellationKey, tuple[Any, ...]] = {}


class LogBatch:
    """Rows by day. `since` and `until` bound the days that are kept, and `held` are others that are there still: what
    lies outside is `passed_over`.

    The rules are those of the statements in `upserts`: of what was submitted or segmented again that which lies first
    counts, and of statuses, which lie in one partition, the last.
    """

    def __init__(self, since: int, until: int, held: Set[int] = frozenset()) -> None:
        self.days: dict[int, DayRows] = {}
        self.passed_over = 0
        self.unreadable = 0
        self._since = since
        self._until = until
        self._held = held

    def _day(self, at: int, wanted_until: int = 0) -> DayRows | None:
        day = at // DAY_US
        rows = self.days.get(day)
        if rows is None:
            if not (self._since <= max(day, wanted_until // DAY_US) and day < self._until) and day not in self._held:
                self.passed_over += 1
                return None
            rows = self.days[day] = DayRows()
        return rows

    def message(
        self,
        identity: str,
        trunk_id: str,
        account_id: str | None,
        source: str,
        destination: str,
        accepted_at: int,
        wanted_until: int = 0,
    ) -> MessageRow | None:
        """Return the row of a message, to be filled; None when its day is not kept.

        `wanted_until` is when it is to be sent: until that is as old, its day is kept. Of what contradicts itself the
        smaller counts, so that it does not matter what was read first.
        """
        day = self._day(accepted_at, wanted_until)
        if day is None:
            return None
        key = (identity, trunk_id)
        row = day.messages.get(key)
        if row is None:
            row = day.messages[key] = [None] * _WIDTH
            row[0:6] = identity, trunk_id, account_id, source, destination, accepted_at
            return row
        if row[ACCOUNT_ID] is None:
            row[ACCOUNT_ID] = account_id
        if row[SOURCE] != source or row[DESTINATION] != destination or row[ACCEPTED_AT] != accepted_at:
            row[SOURCE], row[DESTINATION] = min(row[SOURCE], source), min(row[DESTINATION], destination)
            row[ACCEPTED_AT] = min(row[ACCEPTED_AT], accepted_at)
        return row

    def first(self, row: MessageRow, columns: slice, values: tuple[Any, ...]) -> None:
        """Fill columns of which the first two say where their record lies, unless one that lies before it has."""
        known = row[columns.start]
        if known is None or values[:2] < (known, row[columns.start + 1]):
            row[columns] = values

    def text(self, row: MessageRow, content: str, place: int = CONTENT) -> None:
        """Fill in the text, or at the other `place` what was sent in its stead."""
        row[place] = content if row[place] is None else min(row[place], content)

    def of_customer(
        self,
        row: MessageRow,
        reference: str | None,
        tags: Sequence[str] | None,
        campaign_id: str | None,
        callback_url: str | None,
    ) -> None:
        """Fill in what the customer says of the message, and where its callbacks go; most say nothing."""
        if reference is None and not tags and campaign_id is None and callback_url is None:
            return
        values = (reference, stored_tags(tags), campaign_id, callback_url)
        for place, value in zip((CLIENT_REFERENCE, TAGS, CAMPAIGN_ID, CALLBACK_URL), values, strict=True):
            if value is not None:
                row[place] = value if row[place] is None else min(row[place], value)

    def mark(
        self,
        key: JournalKey,
        at: int,
        mark: str,
        carrier_id: str,
        carrier_message_id: str | None,
        error: str | None,
        *,
        is_whole: int | None,
        begins: bool,
    ) -> None:
        """Take a mark of the journal: the latest of an attempt counts, and when the attempt began."""
        day = self._day(at)
        if day is not None:
            before = day.journal.get(key)
            began_at = at if begins else None if before is None else before[3]
            day.journal[key] = (*key, began_at, mark, at, carrier_id, carrier_message_id, error, is_whole)

    def callback(self, key: CallbackKey, attempt: tuple[Any, ...]) -> None:
        """Take an attempt to notify: the columns behind the key's."""
        day = self._day(key[3])
        if day is not None:
            day.callbacks[key] = (*key, *attempt)

    def cancellation(self, key: CancellationKey, at: int) -> None:
        """Take a wish that something be cancelled: of those of one day the first counts."""
        day = self._day(at)
        if day is not None:
            before = day.cancellations.get(key)
            day.cancellations[key] = (*key, at if before is None else min(before[3], at))
