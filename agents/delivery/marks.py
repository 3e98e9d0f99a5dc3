"""The marks of one message in the journal: what an earlier life has left, and what this one adds around its POSTs.

With an outcome goes what lets a receipt be matched that will name nothing but the carrier's own id.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from agents.delivery.carrier_line import CarrierLine
from pipeline.carriers.journal import Attempt, JournalState, result_of
from pipeline.carriers.outcome import AttemptResult
from schemas.directory.carrier import Carrier
from schemas.messages.dlr import ExpectedReceipt, carrier_key
from schemas.record import Coordinates, OutRecord
from schemas.topics import DLR_EXPECTED, JOURNAL


class Marks:
    """Takes the `earlier` ones, by segment id, out of the journal. `unwritten` go out with whatever is written next.

    With `receipts` the message's trunk wants those.
    """

    def __init__(self, journal: JournalState, coordinates: Coordinates, line: CarrierLine, *, receipts: bool) -> None:
        self._line = line
        self._receipts = receipts
        self.coordinates = coordinates
        self.posted_again = journal.posted_again(coordinates)
        """Segments that were posted by an earlier life although they may have been taken."""
        self.earlier = journal.take(coordinates)
        self._any = bool(self.earlier)
        self.unwritten: list[OutRecord] = []

    def before_post(self, attempt: Attempt) -> list[OutRecord]:
        """Return what must be durable before a POST: its mark, and what was unwritten."""
        return [*self.unwritten, _record(attempt, attempt.submitting(datetime.now(UTC)))]

    def written(self) -> None:
        """Note that it is."""
        self.unwritten = []
        self._any = True

    def settled(self, attempt: Attempt, carrier: Carrier, result: AttemptResult) -> None:
        """Mark what came of an attempt."""
        now = datetime.now(UTC)
        expected = self._expected(carrier, attempt.segment_id, result, now)
        self.unwritten = [_record(attempt, attempt.settled(result, now)), *expected]
        self._any = True

    def stopped(self, attempt: Attempt, result: AttemptResult, at: datetime) -> None:
        """Mark that nothing was posted: that there are marks shows that somebody has worked here."""
        if not self._any:
            self.unwritten = [_record(attempt, attempt.settled(result, at))]

    def expect_again(self, carrier: Carrier | None, segment_ids: Iterable[str]) -> list[OutRecord]:
        """Return which receipts an earlier life had to expect: what it wrote last may not all be there."""
        found: list[OutRecord] = []
        for segment_id in segment_ids:
            mark = self.earlier[segment_id]
            if (known := result_of(mark)) is not None:
                found += self._expected(carrier, segment_id, known, mark.at)
        return found

    def _expected(
        self, carrier: Carrier | None, segment_id: str, result: AttemptResult, at: datetime
    ) -> list[OutRecord]:
        if not self._receipts or carrier is None or not result.carrier_message_id:
            return []
        bound = self._line.bound(carrier)
        if bound is None or bound.profile.takes_receipt_url:
            return []
        message_id, _, seqnum = segment_id.rpartition(":")
        expected = ExpectedReceipt(
            carrier_id=carrier.id,
            carrier_message_id=result.carrier_message_id,
            message_id=message_id,
            seqnum=int(seqnum),
            accepted_at=at,
        )
        return [OutRecord(DLR_EXPECTED, carrier_key(carrier.id, result.carrier_message_id), expected.to_bytes())]


def _record(attempt: Attempt, entry: bytes) -> OutRecord:
    return OutRecord(JOURNAL, attempt.segment_id.encode(), entry, partition=attempt.coordinates.partition)
