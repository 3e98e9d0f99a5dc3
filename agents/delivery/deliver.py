"""One record of delivery: delivered or moved on, and ended by a status, a place in a retry tier or a dead letter.

Marks and statuses are durable before the record is finished; what goes to a retry tier or the dead letters is written
in one transaction with the commit that says it is done here.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from agents.delivery.gate import Admission, Gates
from agents.delivery.message_run import Means, MessageRun, PartitionLost
from agents.delivery.read import Reading, Unreadable
from pipeline.carriers.decision import Deferral, Success, Wait, failed
from pipeline.dead_letters.letter import dead_letter
from pipeline.kafka.consuming.work import Work
from pipeline.metrics import MESSAGES
from schemas.directory.carrier import Carrier
from schemas.mt_message import MtMessage
from schemas.record import OutRecord
from schemas.status import CodeId, MessageStatus
from schemas.topics import STATUS

STAGE = "delivery"
IN_DOUBT = "in-doubt"
UNREADABLE = "schema-violation"
PATIENCE: Final = 2  # shortest retry delays that a first attempt waits for somebody else to probe

_settled = MESSAGES.labels(STAGE, "settled")
_waiting = MESSAGES.labels(STAGE, "waiting")
_deferred = MESSAGES.labels(STAGE, "deferred")


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class Delivery:
    """Delivers messages. `clock` gives seconds that only go forward; without one it is the event loop's."""

    def __init__(self, means: Means, clock: Callable[[], float] | None = None) -> None:
        self._means = means
        self._settled = 0
        patience_seconds = PATIENCE * min(means.retry_delays_seconds)
        self.gates = Gates(means.view.directory, clock or _loop_time, patience_seconds)

    async def __call__(self, item: Reading | Unreadable) -> None:
        """Bring one record to its end, or leave it to its partition's new owner.

        Waits at the carrier's gate first, so that nothing is begun while it waits.
        """
        if isinstance(item, Unreadable):
            await self._end(item, None, None)
            return
        carrier = self._means.view.directory.carrier(item.message.carrier_id) or await self._carrier(item.message)
        if carrier is None or carrier.blocked:
            await self._end(item, carrier, None)
            return
        gate = self.gates.of(carrier.id)
        admission = gate.enter_at_once() or await gate.enter(later=item.later)
        try:
            await self._end(item, carrier, admission)
        finally:
            if admission is not None:
                admission.leave()

    async def move_on(self, item: Reading) -> None:
        """Bring one record to its end without an attempt."""
        await self._end(item, await self._carrier(item.message), None)

    async def _carrier(self, message: MtMessage) -> Carrier | None:
        directory = self._means.view.directory
        carrier = directory.carrier(message.carrier_id)
        if carrier is None:
            # The processor may have read of a new carrier a moment before this process has.
            await self._means.view.catch_up()
            carrier = directory.carrier(message.carrier_id)
        return carrier

    async def _end(self, item: Reading | Unreadable, carrier: Carrier | None, admission: Admission | None) -> None:
        work = item.work
        if not await item.consumer.may_begin(work):
            return
        if isinstance(item, Unreadable):
            work.finish([_dead_letter(work, UNREADABLE, item.detail)])
            return
        try:
            await self._deliver(item, carrier, admission)
        except PartitionLost:
            work.abandon()

    async def _deliver(self, item: Reading, carrier: Carrier | None, admission: Admission | None) -> None:
        """Deliver or move on. The record is finished when what comes of it is durable, for which nobody waits."""
        message, work = item.message, item.work
        run = MessageRun(self._means, item, admission)
        told = self._means.journal.state.told(message.id)
        if told is not None:  # by an earlier life, which did not come to commit it
            work.finish(_letters(work, told))
            return
        outcome: Success | MessageStatus | Wait
        if carrier is None:
            outcome = failed(
                message, CodeId.ROUTING_FAILED, "carrier unknown", item.first_seqnum - 1, datetime.now(UTC)
            )  # fmt: skip
        else:
            outcome = await run.run(carrier, lambda: self._deferral(carrier))
        if admission is not None:
            admission.leave()  # what is still to be written needs no place at the carrier
        if isinstance(outcome, Wait):
            (_waiting if outcome.waiting.deferred is None else _deferred).inc()
            records = run.unwritten
            following = [OutRecord(outcome.topic, message.destination.encode(), outcome.waiting.to_bytes())]
        elif isinstance(outcome, Success):
            self._settled += 1
            records = [*run.unwritten, OutRecord(STATUS, message.id.encode(), outcome.value)]
            following = []
        else:
            self._settled += 1
            run.mark_end(outcome)
            records = [*run.unwritten, OutRecord(STATUS, message.id.encode(), outcome.to_bytes())]
            following = _letters(work, outcome)
        self._means.writer.end(item, records, following)

    def report(self) -> None:
        """Bring the metrics up to date: an end leaves only a number behind, which is counted here with others."""
        _settled.inc(self._settled)
        self._settled = 0

    def _deferral(self, carrier: Carrier) -> Deferral:
        if carrier.blocked:
            return Deferral("carrier blocked")
        return self.gates.of(carrier.id).deferral()


def _letters(work: Work, status: MessageStatus) -> list[OutRecord]:
    """Return the dead letter by which an operator can settle what ends in doubt."""
    return [_dead_letter(work, IN_DOUBT, status.reason or IN_DOUBT)] if status.code_id is CodeId.IN_DOUBT else []


def _dead_letter(work: Work, reason: str, detail: str) -> OutRecord:
    return dead_letter(work.record, stage=STAGE, reason=reason, detail=detail)
