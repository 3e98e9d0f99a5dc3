"""What cannot be processed is kept, not dropped: a record becomes a dead letter with its bytes as they were."""

from pipeline.metrics import DEAD_LETTERS
from schemas.dead_letter import PREFIX, DeadLetterSource
from schemas.record import InRecord, OutRecord
from schemas.topics import dead_letter_topic


def dead_letter(record: InRecord, *, stage: str, reason: str, detail: str, element: int | None = None) -> OutRecord:
    """Return the dead letter of `record`, and count it.

    Key and value stay as they are, and so do the headers except those of an earlier dead letter that was replayed.
    `reason` is a stable code; `detail` is for people and must not hold message text. `element` says which submission
    of a record's array the value is, when only that one was refused.
    """
    DEAD_LETTERS.labels(stage, reason).inc()
    source = DeadLetterSource(
        record.topic, record.partition, record.offset, record.timestamp_ms, stage, reason, detail, element
    )
    kept = [(name, content) for name, content in record.headers if not name.startswith(PREFIX)]
    return OutRecord(dead_letter_topic(record.topic), record.key, record.value, (*kept, *source.to_headers()))
