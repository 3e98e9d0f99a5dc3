"""Reads what became of notifications, for people who ask: attempts, and what can be sent again.

Topics are read to their end also when the question ends earlier: the times of a partition's records are those of
their producers, and need not be in order.
"""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from pipeline.callbacks.resend import Asked, Selection
from pipeline.directory.model import Directory
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.messages.callback import CallbackAttempt
from schemas.topics import CALLBACK_ATTEMPTED, STATUS

SLACK: Final = timedelta(minutes=2)  # clocks differ, and an attempt is written when it has ended


async def attempts(kafka: KafkaSettings, asked: Asked) -> AsyncGenerator[CallbackAttempt]:
    """Yield the attempts that are asked for, those of one message in order. Raises `BrokerUnreachable`."""
    async for record in read_topic(
        kafka,
        CALLBACK_ATTEMPTED,
        client_id="callback-attempts",
        since=begin_of(asked),
        key=asked.message_id.encode() if asked.message_id else None,
    ):
        if not _may_be_meant(asked, record.value):
            continue
        try:
            attempt = CallbackAttempt.from_bytes(record.value or b"")
        except ValidationError:
            continue  # none of ours
        if asked.includes(attempt.message_id, attempt.trunk_id, attempt.at):
            yield attempt


async def select(kafka: KafkaSettings, asked: Asked, directory: Directory, *, failed_only: bool) -> Selection:
    """Find the notifications that are asked for. Raises `BrokerUnreachable`, and `Refused` for too many."""
    selection = Selection(asked, directory, failed_only)
    key, begin = asked.message_id.encode() if asked.message_id else None, begin_of(asked)
    async for record in read_topic(kafka, STATUS, client_id="callback-resend", since=begin, key=key):
        if _may_be_meant(asked, record.value):
            selection.note_status(record.value, datetime.fromtimestamp(record.timestamp_ms / 1000, UTC))
    if failed_only:
        async for record in read_topic(kafka, CALLBACK_ATTEMPTED, client_id="callback-resend", since=begin, key=key):
            if _may_be_meant(asked, record.value):
                selection.note_attempt(record.value)
    return selection


def begin_of(asked: Asked) -> datetime | None:
    """Return from when on records about what is asked for can be; None when nobody can tell."""
    if asked.since is not None:
        return asked.since - SLACK
    if asked.message_id is None or (identity := UUID(asked.message_id)).version != 7:
        return None
    # The id begins with the time at which it was made (RFC 9562 section 5.7).
    return datetime.fromtimestamp((identity.int >> 80) / 1000, UTC) - SLACK


def _may_be_meant(asked: Asked, value: bytes | None) -> bool:
    """Tell whether to look closer: most of a busy topic is about other trunks, and reading it all is what costs."""
    return value is not None and (asked.trunk_id is None or asked.trunk_id.encode() in value)
