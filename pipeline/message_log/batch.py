"""Many records, brought together by message: what a message goes through within a moment becomes one row at once."""

from collections.abc import Sequence
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
CLIENT_REFERENCE: Final = _PLACE["client_reference"]
TAGS: Final = _PLACE["tags"]
SUBMITTED: Final = slice(_PLACE["submitted_partition"], _PLACE["submitted_offset"] + 1)
SEGMENTED: Final = slice(_PLACE["segmented_partition"], _PLACE["expires_at"] + 1)
PROCESSED: Final = slice(_PLACE["status"], _PLACE["possible_duplicate"] + 1)
DELIVERED: Final = slice(_PLACE["delivery_status"], _PLACE["receipts"] + 1)

JournalKey = tuple[str, int, int]
CallbackKey = tuple[str, str, str, int, int]


class DayRows:
    """What is to be written into the tables of one day."""

    def __init__(self) -> None:
        self.messages: dict[tuple[str, str], MessageRow] = {}
        self.journal: dict[JournalKey, tuple[Any, ...]] = {}
        self.callbacks: dict[CallbackKey, tuple[Any, ...]] = {}


class LogBatch:
    """Rows by day. `since` and `until` bound the days that are kept: what lies outside is `passed_over`.

    The rules are those of the statements in `upserts`: of what was submitted or segmented again that which lies first
    counts, and of statuses, which lie in one partition, the last.
    """

    def __init__(self, since: int, until: int) -> None:
        self.days: dict[int, DayRows] = {}
        self.passed_over = 0
        self.unreadable = 0
        self._since = since
        self._until = until

    def _day(self, at: int) -> DayRows | None:
        day = at // DAY_US
        rows = self.days.get(day)
        if rows is None:
            if not self._since <= day < self._until:
                self.passed_over += 1
                return None
            rows = self.days[day] = DayRows()
        return rows

    def message(
        self, identity: str, trunk_id: str, account_id: str | None, source: str, destination: str, accepted_at: int
    ) -> MessageRow | None:
        """Return the row of a message, to be filled; None when its day is not kept.

        Of what contradicts itself the smaller counts, so that it does not matter what was read first.
        """
        day = self._day(accepted_at)
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

    def text(self, row: MessageRow, content: str) -> None:
        """Fill in the text."""
        row[CONTENT] = content if row[CONTENT] is None else min(row[CONTENT], content)

    def labels(self, row: MessageRow, reference: str | None, tags: Sequence[str] | None) -> None:
        """Fill in what the customer calls the message."""
        for place, label in ((CLIENT_REFERENCE, reference), (TAGS, stored_tags(tags))):
            if label is not None:
                row[place] = label if row[place] is None else min(row[place], label)

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
