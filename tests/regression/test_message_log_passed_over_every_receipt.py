"""The message log passed every status of the delivery stage over: no look-up and no page ever showed a receipt.

The attribute that holds the segments' receipts was declared as `Raw | None`, which msgspec reads as `null` alone; the
tests had statuses without it, and nothing writes these.
"""

from pipeline.message_log.writing.batch import COLUMNS, LogBatch
from pipeline.message_log.writing.decoding import RecordReader
from schemas import topics
from schemas.messages.dlr import MessageState, SegmentOutcome
from schemas.messages.status import StatusStage
from tests.builders import status, uuid
from tests.message_lives import DIRECTORY, NOON, Lives


def test_a_final_status_with_its_segments_receipts_is_taken() -> None:
    """It, and the receipts as they came."""
    receipt = SegmentOutcome(seqnum=1, state=MessageState.DELIVERED, carrier_message_id="c", at=NOON)
    lives, batch, reader = Lives(), LogBatch(0, 100_000), RecordReader(DIRECTORY)
    final = status(accepted_at=NOON, stage=StatusStage.DELIVERY, status="DELIVERED", segments=(receipt,))
    lives.record(topics.STATUS, 0, final)
    for place, records in lives.records.items():
        reader.read(batch, place.topic, records)
    assert batch.unreadable == 0
    [day] = batch.days.values()
    [(identity, row)] = [(identity, dict(zip(COLUMNS, it, strict=True))) for (identity, _), it in day.messages.items()]
    assert (identity, row["delivery_status"]) == (uuid(61), "DELIVERED")
    assert row["receipts"] == f"[{receipt.model_dump_json(exclude_none=True)}]"
