"""What delivery has found out becomes records: in groups, and only while the work is still its own.

A process that was paused between a decision and its write must not write any more: whoever has the partition now may
have settled the message otherwise, and two ends would contradict each other. So membership is asked for right before
each group is written.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from agents.delivery.line_up import Reading
from pipeline.failpoints import failpoint
from pipeline.kafka.consuming.journal import Journal
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.group_commit import BUSY_PAUSE_SECONDS, GroupCommit
from pipeline.kafka.producer import RecordProducer
from pipeline.metrics import GROUP_SIZE
from schemas.record import OutRecord

_group_size = GROUP_SIZE.labels("delivery")

# A number by itself gives two entries at once, the end of one message and the mark of the next: what it is to wait for
# is the carrier. With eight and more at work the broker's share counts.
IDLE_TO: Final = 4
BUSY_FROM: Final = 16


class _Entry(NamedTuple):
    item: Reading
    records: Sequence[OutRecord]


class OutcomeWriter:
    """Writes to the journal and `sms.mt.status`; `run` must be running. Of work that is lost nothing is written."""

    def __init__(self, producer: RecordProducer, journal: Journal, pause_seconds: float = BUSY_PAUSE_SECONDS) -> None:
        self._producer = producer
        self._journal = journal
        self._group: GroupCommit[_Entry] = GroupCommit(
            self._write, pause_seconds=pause_seconds, idle_to=IDLE_TO, busy_from=BUSY_FROM
        )

    def mark(self, item: Reading, records: Sequence[OutRecord]) -> asyncio.Future[None]:
        """Write `records` before something is done: whoever has waited for it asks whether the work is still ours."""
        return self._group.add(_Entry(item, records))

    def end(self, item: Reading, records: Sequence[OutRecord], outbox: Sequence[OutRecord]) -> None:
        """Write what has come of `item` and then finish it; `outbox` is written with its commit."""
        if records:
            self._group.hand_in(_Entry(item, records), partial(_finish, item.work, outbox))
        else:
            _finish(item.work, outbox)

    async def run(self) -> None:
        """Write until cancelled. Raises as `RecordProducer.write`."""
        await self._group.run()

    async def _write(self, entries: Sequence[_Entry]) -> None:
        _group_size.observe(len(entries))
        for consumer in {entry.item.consumer for entry in entries}:
            await consumer.is_member()
        ours = [record for entry in entries if not entry.item.work.lost for record in entry.records]
        self._journal.written(await self._producer.write(ours))


def _finish(work: Work, outbox: Sequence[OutRecord]) -> None:
    if work.lost:
        work.abandon()
        return
    failpoint("delivery.after_outcome")
    work.finish(outbox)
