"""One record of delivery: delivered or moved on, and ended by a status, a place in a retry tier or a dead letter.

Marks and statuses are durable before the record is finished; what goes to a retry tier or the dead letters is written
in one transaction with the commit that says it is done here.
"""

from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from agents.delivery.carrier_line import CarrierLine
from agents.delivery.figures import Figures, Price
from agents.delivery.line_up import Reading, Unreadable
from agents.delivery.marks import Marks
from agents.delivery.sending import PartitionLost, Sending, Sent, Wishes, Withdrawn, policy_of
from agents.delivery.trace import trace_of_delivery
from agents.delivery.write import OutcomeWriter
from pipeline.carriers.decision import Success, Wait, canceled_in_time, decide, failed, succeeded
from pipeline.carriers.outcome import Outcome
from pipeline.dead_letters.letter import INTERNAL_ERROR, announce, dead_letter, place_of
from pipeline.errors import SmsoutError
from pipeline.kafka.consuming.journal import Journal
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.posting.dispatcher import Turn
from pipeline.posting.intake import Entry
from pipeline.posting.retry_schedule import RetrySchedule
from pipeline.tracing.spans import UNTRACED, Tracing
from schemas.directory.carrier import Carrier
from schemas.headers.trace import carried
from schemas.messages.mt_message import MtMessage
from schemas.messages.status import CodeId, MessageStatus, StatusName
from schemas.record import OutRecord
from schemas.topics import STATUS

STAGE: Final = "delivery"
IN_DOUBT: Final = "in-doubt"
UNREADABLE: Final = "schema-violation"
announce(STAGE, IN_DOUBT, INTERNAL_ERROR)

log = structlog.get_logger(__name__)


class Delivery:
    """Delivers messages."""

    def __init__(
        self,
        view: DirectoryView,
        line: CarrierLine,
        journal: Journal,
        writer: OutcomeWriter,
        schedule: RetrySchedule,
        tracing: Tracing = UNTRACED,
        wishes: Wishes | None = None,
    ) -> None:
        self._view = view
        self._line = line
        self._journal = journal
        self._writer = writer
        self._schedule = schedule
        self._tracing = tracing
        self._wishes = wishes
        self.figures = Figures()

    def __call__(self, turn: Turn[Entry[Reading]]) -> Coroutine[Any, Any, None]:
        """Bring one message to its end whose turn it is, or leave it to its partition's new owner."""
        return self._run(turn.item.payload, turn)

    def settle(self, item: Reading) -> Coroutine[Any, Any, None]:
        """Bring one message to its end without a POST: what is known of it, or that it waits on."""
        return self._run(item, None)

    async def refuse(self, item: Unreadable) -> None:
        """Make a dead letter of what cannot be read."""
        if await item.consumer.may_begin(item.work):
            letter = dead_letter(item.work.record, stage=STAGE, reason=UNREADABLE, detail=item.detail)
            item.work.finish([letter])

    async def _run(self, item: Reading, turn: Turn[Entry[Reading]] | None) -> None:
        if not await item.consumer.may_begin(item.work):
            return
        try:
            await self._deliver(item, turn)
        except PartitionLost:
            item.work.abandon()

    async def _deliver(self, item: Reading, turn: Turn[Entry[Reading]] | None) -> None:
        """Deliver or move on. The record is finished when what comes of it is durable, for which nobody waits."""
        work, journal = item.work, self._journal.state
        coordinates = work.record.coordinates
        if item.message.alternatives is not None:
            # Marks name who has been tried; without any, whoever gives the turn is the first.
            carrier_id = journal.carrier_of(coordinates) or (turn and turn.peer.name)
            item.message = item.message.through(carrier_id or item.message.carrier_id)
        message = item.message
        trace = trace_of_delivery(work.record.headers, work.record.timestamp_ms, self._tracing)
        marks = Marks(journal, coordinates, self._line, receipts=bool(message.receipts))
        reported = journal.reported(message.id, message.trunk_id)
        if reported is not None:  # by an earlier life, which did not come to commit it
            carrier = self._view.directory.carrier(message.carrier_id) if message.receipts else None
            self._writer.end(item, marks.expect_again(carrier, marks.earlier), _letters(work, reported))
            return
        sending = Sending(item, turn, marks, self._line, self._writer, trace, self._wishes)
        try:
            outcome = await self._outcome(message, sending, turn)
        except (PartitionLost, SmsoutError):
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the agent at each of its lives
            self._set_aside(item, sending, error)
        else:
            self._end(item, outcome, sending)

    async def _outcome(
        self, message: MtMessage, sending: Sending, turn: Turn[Entry[Reading]] | None
    ) -> Success | MessageStatus | Wait:
        carrier = self._view.directory.carrier(message.carrier_id) or await self._look_up(message)
        try:
            end = await sending.run(carrier)
        except Withdrawn:
            return canceled_in_time(message, datetime.now(UTC))
        if isinstance(end, Sent):
            return succeeded(message, end.at, end.progress.possible_duplicate, whole=sending.whole)
        outcome = decide(message, end, policy_of(carrier), self._schedule, _why(carrier, turn))
        if isinstance(outcome, Wait) and outcome.waiting.message.carrier_id != message.carrier_id:
            sending.mark_stop(Outcome.NOT_TAKEN, outcome.waiting.last_error, end.at)
        return outcome

    def _set_aside(self, item: Reading, sending: Sending, error: Exception) -> None:
        """End a message that an error of ours meets, visibly; all others go on."""
        record, detail = item.work.record, place_of(error)
        log.error(
            "record_set_aside", topic=record.topic, partition=record.partition, offset=record.offset, error=detail
        )
        stop = sending.broken_off()
        code = CodeId.IN_DOUBT if stop.progress.in_doubt else CodeId.INTERNAL_ERROR
        status = failed(item.message, code, detail, stop)
        sending.mark_end(status)
        key = item.message.id.encode()
        records = [*sending.marks.unwritten, OutRecord(STATUS, key, status.to_bytes(), sending.trace_headers)]
        self.figures.failed(item.message.trunk_id, code)
        reason = IN_DOUBT if code is CodeId.IN_DOUBT else INTERNAL_ERROR
        self._writer.end(item, records, [dead_letter(record, stage=STAGE, reason=reason, detail=detail)])

    async def _look_up(self, message: MtMessage) -> Carrier | None:
        # The processor may have read of a new carrier a moment before this process has.
        await self._view.catch_up()
        return self._view.directory.carrier(message.carrier_id)

    def _end(self, item: Reading, outcome: Success | MessageStatus | Wait, sending: Sending) -> None:
        message = item.message
        if isinstance(outcome, Wait):
            self.figures.waits(elsewhere=outcome.waiting.message.carrier_id != message.carrier_id)
            waiting = OutRecord(
                outcome.topic,
                message.destination.encode(),
                outcome.waiting.to_bytes(),
                carried(item.work.record.headers),
            )
            self._writer.end(item, sending.marks.unwritten, [waiting])
            return
        if isinstance(outcome, Success):
            accepted_at = message.accepted_at.timestamp()
            self.figures.sent(message.trunk_id, len(message.segments), accepted_at, _price_of(message))
            status = OutRecord(STATUS, message.id.encode(), outcome.value, sending.trace_headers)
            self._writer.end(item, [*sending.marks.unwritten, status], [])
            return
        if outcome.status == StatusName.CANCELED:
            self.figures.canceled()
        else:
            self.figures.failed(message.trunk_id, outcome.code_id)
        sending.mark_end(outcome)
        failed_status = OutRecord(STATUS, message.id.encode(), outcome.to_bytes(), sending.trace_headers)
        records = [*sending.marks.unwritten, failed_status]
        self._writer.end(item, records, _letters(item.work, outcome))


def _price_of(message: MtMessage) -> Price | None:
    price = message.price_per_segment
    return Price(message.carrier_id, message.currency or "", float(price)) if price else None


def _why(carrier: Carrier | None, turn: Turn[Entry[Reading]] | None) -> str:
    if carrier is not None and carrier.blocked:
        return "not tried, the carrier is blocked"
    error = "" if turn is None else turn.peer.error
    return f"not tried, the carrier is left alone: {error}" if error else "not tried, the carrier is left alone"


def _letters(work: Work, status: MessageStatus) -> list[OutRecord]:
    """Return the dead letter by which an operator can settle what ends in doubt."""
    if status.code_id is not CodeId.IN_DOUBT:
        return []
    return [dead_letter(work.record, stage=STAGE, reason=IN_DOUBT, detail=status.reason or IN_DOUBT)]
