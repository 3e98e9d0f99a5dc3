"""Receipts, and wishes to cancel, on their way to the broker: those that arrive during one write share the next."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Final, Protocol

from pipeline.errors import BrokerUnreachable, NotAcknowledged
from pipeline.failpoints import failpoint
from pipeline.kafka.group_commit import BUSY_PAUSE_SECONDS, GroupCommit
from schemas.record import OutRecord

MAX_WAITING: Final = 5000


class Producer(Protocol):
    """What is used of `RecordProducer`."""

    def write(self, records: Iterable[OutRecord]) -> Awaitable[object]:
        """Write all `records`; return when they are acknowledged."""


class RecordWriter:
    """Writes what one kind of request causes; `run` must be running. `name` is in the names of its failpoints."""

    def __init__(self, producer: Producer, acknowledge_timeout_seconds: float, name: str) -> None:
        self._producer = producer
        self._before, self._after = f"ingress.{name}_before_produce", f"ingress.{name}_after_acknowledge"
        self._limit = acknowledge_timeout_seconds
        self._group: GroupCommit[Sequence[OutRecord]] = GroupCommit(self._write, pause_seconds=BUSY_PAUSE_SECONDS)
        self._waiting = 0
        self._runs = False

    async def run(self) -> None:
        """Write until cancelled. A failed write ends this with its error, and every caller with it."""
        self._runs = True
        try:
            await self._group.run()
        finally:
            self._runs = False

    async def write(self, records: Sequence[OutRecord]) -> None:
        """Return when the broker has all of `records`.

        Raises `BrokerUnreachable` when it was not even tried, and `NotAcknowledged` when they may or may not be
        written.
        """
        if not self._runs or self._waiting >= MAX_WAITING:
            raise BrokerUnreachable("too many others wait for the broker", stage="ingress")
        failpoint(self._before)
        future = self._group.add(records)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limit):
                await future
        except TimeoutError:
            raise NotAcknowledged(f"no acknowledgement within {self._limit:g} s", stage="ingress") from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise NotAcknowledged("the producer has ended", stage="ingress") from None
        except Exception as failure:
            # Whatever ended the write ends the process too (`run`); to this caller all ways are the same.
            raise NotAcknowledged("the write has failed", stage="ingress") from failure
        finally:
            self._waiting -= 1
        failpoint(self._after)

    async def _write(self, groups: Sequence[Sequence[OutRecord]]) -> None:
        await self._producer.write(record for group in groups for record in group)
