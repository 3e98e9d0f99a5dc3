"""Whom unfinished work is for: samples of what retry tiers and main topics hold beyond what is committed."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final, NamedTuple

from aiokafka import TopicPartition
from pydantic import ValidationError

from pipeline.kafka.admin.group_offsets import PartitionOffsets
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.messages.callback import WaitingNotification
from schemas.messages.mt_message import MtMessage, WaitingMessage
from schemas.messages.status import MessageStatus
from schemas.record import InRecord
from schemas.topics import MT_RETRY, SEGMENTED, STATUS

CLIENT: Final = "smsout-doctor"
SAMPLE: Final = 200  # records of a partition that are read

Look = Mapping[TopicPartition, PartitionOffsets]


class Sample(NamedTuple):
    """What was read of a tier family; `ids` are of the carriers or trunks that the records wait for."""

    ids: list[str]
    reasons: Counter[str]
    overdue_seconds: float | None
    overdue_reason: str


async def sample(kafka: KafkaSettings, family: str, look: Look) -> Sample:
    """Read some of each partition of a tier family. Raises `BrokerUnreachable`."""
    ids: list[str] = []
    reasons: Counter[str] = Counter()
    overdue: tuple[float, str] | None = None
    now = datetime.now(UTC)
    async for record in _some(kafka, look):
        waiting = _waiting(family, record)
        if waiting is None:
            continue
        ids.append(waiting.message.carrier_id if isinstance(waiting, WaitingMessage) else waiting.status.trunk_id)
        reasons[waiting.last_error] += 1
        late = (now - waiting.due_at).total_seconds()
        if late > 0 and (overdue is None or late > overdue[0]):
            overdue = late, waiting.last_error
    return Sample(ids, reasons, *(overdue or (None, "")))


def _waiting(family: str, record: InRecord) -> WaitingMessage | WaitingNotification | None:
    try:
        if family == MT_RETRY:
            return WaitingMessage.from_bytes(record.value or b"")
        return WaitingNotification.from_bytes(record.value or b"")
    except ValidationError:
        return None


async def targets_of(kafka: KafkaSettings, topic: str, look: Look) -> list[str]:
    """Return the ids of the carriers or trunks that some of a main topic's unfinished records are for.

    Raises `BrokerUnreachable`.
    """
    ids: list[str] = []
    if topic in (SEGMENTED, STATUS):
        async for record in _some(kafka, look):
            try:
                if topic == SEGMENTED:
                    ids.append(MtMessage.from_bytes(record.value or b"").carrier_id)
                else:
                    ids.append(MessageStatus.from_bytes(record.value or b"").trunk_id)
            except ValidationError:
                continue
    return ids


async def _some(kafka: KafkaSettings, look: Look) -> AsyncIterator[InRecord]:
    """Yield the first records of each partition that no commit covers."""
    for place, offsets in look.items():
        if not offsets.lag:
            continue
        taken = 0
        reading = read_topic(
            kafka, place.topic, client_id=CLIENT, offsets={place.partition: offsets.position},
            partitions=[place.partition],
        )  # fmt: skip
        async with aclosing(reading) as records:
            async for record in records:
                yield record
                taken += 1
                if taken == SAMPLE:
                    break
