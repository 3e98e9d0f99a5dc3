"""Puts `FetchedRecords` in the place of what aiokafka reads with, for every consumer of the process, Faust's too.

Three names of aiokafka's fetcher are replaced, which are no public surface of it: that they are there, and are called
as they were, is what tests/unit/pipeline/kafka/fetching/test_guard.py holds. aiokafka's own classes raise at the first
byte that they do not like, out of a consumer that then meets the same byte again; know two of the four codecs only
with a package beside them; and unpack whatever there is.
"""

from typing import Any, Final

from aiokafka.consumer import fetcher

from pipeline.kafka.fetching.records import FetchedBytes, FetchedRecords
from schemas.record import InRecord

MAX_TAKEN_BYTES: Final = 4_194_304
"""Keys, values and headers that one call takes out of a partition; one record more, so that it is never none."""

_RECORD_OVERHEAD: Final = 200  # what a record costs in memory beside its bytes


class BoundedResult(fetcher.FetchResult):  # type: ignore[misc]  # aiokafka ships no types
    """A partition's fetch that is handed out by bytes too, not only by records."""

    def __init__(self, tp: Any, *, assignment: Any, partition_records: FetchedRecords, backoff: float) -> None:
        super().__init__(tp, assignment=assignment, partition_records=partition_records, backoff=backoff)
        self._partition_records: FetchedRecords | None
        partition_records.end = assignment.state_value(tp).highwater

    def getall(self, max_records: int | None = None) -> list[InRecord]:
        """Return what comes next, `max_records` at most."""
        records = self._partition_records if self.check_assignment(self._topic_partition) else None
        if records is None:
            return []
        taken: list[InRecord] = []
        size = 0
        for record in records:
            taken.append(record)
            size += size_of(record)
            if len(taken) == max_records or size >= MAX_TAKEN_BYTES:
                self._update_position()
                return taken
        self._update_position()
        self._partition_records = None
        return taken


def size_of(record: InRecord) -> int:
    """Return about how many bytes of memory a record takes."""
    size = _RECORD_OVERHEAD + len(record.key or b"") + len(record.value or b"")
    for name, content in record.headers:
        size += _RECORD_OVERHEAD + len(name) + len(content)
    return size


def guard_consumers() -> None:
    """Replace what every consumer of aiokafka reads with, from its start on. Calling it again changes nothing."""
    fetcher.MemoryRecords = FetchedBytes
    fetcher.PartitionRecords = FetchedRecords
    fetcher.FetchResult = BoundedResult
