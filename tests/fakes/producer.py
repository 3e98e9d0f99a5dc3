"""What agents write through, without a broker."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Final

from pipeline.kafka.producer import javas_partition_of
from schemas.messages.submission import Submission
from schemas.record import OutRecord
from schemas.topics import SUBMITTED

PARTITIONS: Final = 4


class ProducerInMemory:
    """Keeps what is written, in topics of four partitions.

    `error` is what the next writes raise; `silence` holds the answers of some or all partitions back until `speak`.
    """

    def __init__(self) -> None:
        self.records: list[OutRecord] = []
        self.error: Exception | None = None
        self._silent: Sequence[int] = ()
        self._speaking = asyncio.Event()

    def silence(self, *partitions: int) -> None:
        self._silent = partitions or range(PARTITIONS)
        self._speaking.clear()

    def speak(self) -> None:
        self._silent = ()
        self._speaking.set()

    async def partition_for(self, topic: str, key: bytes) -> int:
        return javas_partition_of(key, PARTITIONS)

    async def write(self, records: Iterable[OutRecord]) -> dict[tuple[str, int], int]:
        if self.error is not None:
            raise self.error
        written = list(records)
        self.records += written
        ends = {
            (record.topic, record.partition or 0): len(self.of_partition(record.partition or 0)) for record in written
        }
        if any((record.partition or 0) in self._silent for record in written):
            await self._speaking.wait()
        return ends

    def of_partition(self, partition: int) -> list[OutRecord]:
        return [record for record in self.records if record.partition == partition]

    def submissions(self) -> list[Submission]:
        """Everything that reached `sms.mt.submitted`, in order."""
        found: list[Submission] = []
        for record in self.records:
            if record.topic != SUBMITTED:
                continue
            value = json.loads(record.value or b"")
            found += [
                Submission.from_bytes(json.dumps(it).encode()) for it in (value if isinstance(value, list) else [value])
            ]
        return found
