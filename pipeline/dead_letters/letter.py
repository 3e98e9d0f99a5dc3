"""What cannot be processed is kept, not dropped: a record becomes a dead letter with its bytes as they were."""

from collections.abc import Sequence

from pipeline.metrics import DEAD_LETTERS
from schemas.dead_letter import PREFIX, DeadLetterSource
from schemas.record import Header, OutRecord
from schemas.topics import dead_letter_topic


def dead_letter(
    topic: str,
    partition: int,
    offset: int,
    timestamp_ms: int,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[Header],
    *,
    stage: str,
    reason: str,
    detail: str,
    element: int | None = None,
) -> OutRecord:
    """Return the dead letter of the record at these coordinates, and count it.

    Key and value stay as they are, and so do the headers except those of an earlier dead letter that was replayed.
    `reason` is a stable code; `detail` is for people and must not hold message text. `element` says which submission
    of a record's array `value` is, when only that one was refused.
    """
    DEAD_LETTERS.labels(stage, reason).inc()
    source = DeadLetterSource(topic, partition, offset, timestamp_ms, stage, reason, detail, element)
    kept = [(name, content) for name, content in headers if not name.startswith(PREFIX)]
    return OutRecord(dead_letter_topic(topic), key, value, (*kept, *source.to_headers()))
