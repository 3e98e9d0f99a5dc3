"""Records become rows: of each record what the log is about, and no more.

Submissions are read by the processor's own code, or taken at a glance where that says the same, so that what it refuses
is no message here either. The other records are written by our agents alone, and are read without the checks of their
models, at a fifth of the cost; one that is not what it should be is passed over and counted.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from pipeline.directory.model import Directory
from pipeline.message_log.tables import EPOCH
from pipeline.message_log.writing.batch import (
    CONTENT,
    DELIVERED,
    PROCESSED,
    SCHEDULED,
    SEGMENTED,
    SENT_CONTENT,
    SUBMITTED,
    LogBatch,
)
from pipeline.message_log.writing.shapes import read_attempt, read_mark, read_segmented, read_status, read_text
from pipeline.message_log.writing.submissions import GlancedSubmission, SubmittedMessage, glance, read_one
from pipeline.steps.admission.acceptance import LATEST_MS, accept, recorded_at
from pipeline.steps.admission.submitted_record import UnreadableSubmission, read_submitted
from schemas import topics
from schemas.identifiers import message_id_from_idempotency_key
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.destination import numbered
from schemas.messages.status import StatusStage
from schemas.messages.submission import Submission
from schemas.record import InRecord
from schemas.state.journal import JournalMark

TOPICS: Final = (
    topics.SUBMITTED, topics.SCHEDULED, topics.CANCEL_REQUESTED, topics.SEGMENTED, topics.JOURNAL, topics.STATUS,
    topics.CALLBACK_ATTEMPTED,
)  # fmt: skip

MAX_SEQNUM: Final = 255
_NULL: Final = b"\\u0000"  # the one character that JSON can hold and PostgreSQL's texts cannot
_NULL_SHOWN: Final = b"\\ufffd"
_SUBMITTING: Final = JournalMark.SUBMITTING.value

_DAY: Final = 86_400_000_000
_SECOND: Final = 1_000_000


def _shown(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text


def _storable(value: bytes | None) -> bytes:
    value = value or b""
    return value.replace(_NULL, _NULL_SHOWN) if _NULL in value else value


def _micros(moment: datetime) -> int:
    # Without a division: a third of what the obvious way costs, several times for each message.
    since = moment - EPOCH
    return since.days * _DAY + since.seconds * _SECOND + since.microseconds


def _written_at(record: InRecord) -> int:
    return min(max(0, record.timestamp_ms), LATEST_MS) * 1000


_UNREADABLE: Final = (msgspec.DecodeError, TypeError, OverflowError, ValueError)


def _certain(submission: Submission, messages: Sequence[SubmittedMessage]) -> list[SubmittedMessage]:
    """Return those of a submission with a key that have the ids which follow from it.

    It may repeat another one, and never become a message under an id of its own.
    """
    addresses = [it.destination for it in messages]
    names = numbered(addresses) if submission.is_own else addresses
    trunk_id, key = submission.trunk_id, submission.idempotency_key or ""
    return [
        it
        for it, name in zip(messages, names, strict=True)
        if it.id == message_id_from_idempotency_key(trunk_id, key, name)
    ]


class RecordReader:
    """Puts records into batches. `directory` says whose a trunk is, and whether its texts are kept."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._of_record: dict[str, Callable[[LogBatch, InRecord], None]] = {
            topics.SUBMITTED: self._take_submitted,
            topics.SCHEDULED: self._take_scheduled,
            topics.CANCEL_REQUESTED: self._take_cancellation,
            topics.SEGMENTED: self._take_segmented,
        }
        self._of_value: dict[str, Callable[[LogBatch, bytes], None]] = {
            topics.JOURNAL: self._take_mark,
            topics.STATUS: self._take_status,
            topics.CALLBACK_ATTEMPTED: self._take_attempt,
        }

    def read(self, batch: LogBatch, topic: str, records: Iterable[InRecord]) -> None:
        """Put records of one topic into a batch, in their order."""
        if (take_value := self._of_value.get(topic)) is not None:
            for stored in records:
                try:
                    take_value(batch, _storable(stored.value))
                except _UNREADABLE:
                    batch.unreadable += 1
            return
        take = self._of_record[topic]
        for record in records:
            try:
                take(batch, record)
            except _UNREADABLE:
                batch.unreadable += 1

    def _account_of(self, trunk_id: str) -> str | None:
        trunk = self._directory.trunk(trunk_id)
        return None if trunk is None else trunk.account_id

    def _keeps_texts_of(self, account_id: str | None) -> bool:
        account = None if account_id is None else self._directory.account(account_id)
        return account is not None and account.keeps_text

    def _take_submitted(self, batch: LogBatch, record: InRecord) -> None:
        written_at = recorded_at(record)
        if type(record.value) is bytes and (glanced := glance(record.value)) is not None:
            for it in glanced:
                at = _micros(min(it.accepted_at, written_at))
                text, reference = it.content, it.client_reference
                messages = [SubmittedMessage(to.id, to.address, text, reference) for to in it.destinations]
                self._submitted(batch, it, at, messages, SUBMITTED, (record.partition, record.offset))
            return
        for element, submission in enumerate(read_submitted(record.value)):
            if isinstance(submission, UnreadableSubmission):
                continue  # it is a dead letter, and no message
            accepted = accept(record, element, submission, written_at)
            messages = [
                SubmittedMessage(identity, to.address, submission.text_of(to), submission.reference_of(to))
                for identity, to in accepted.messages().items()
            ]
            if submission.idempotency_key is not None:
                messages = _certain(submission, messages)
            place = (record.partition, record.offset)
            self._submitted(batch, submission, _micros(accepted.accepted_at), messages, SUBMITTED, place)

    def _take_scheduled(self, batch: LogBatch, record: InRecord) -> None:
        it, message = read_one(record.value)
        if it.accepted_at is None or it.send_at is None:
            raise ValueError("a message that does not wait")
        send_at, bulk_id = _micros(it.send_at), None if it.id == message.id else it.id
        how = (record.partition, record.offset, _written_at(record), send_at, bulk_id)
        self._submitted(batch, it, _micros(it.accepted_at), [message], SCHEDULED, how, send_at)

    def _take_cancellation(self, batch: LogBatch, record: InRecord) -> None:
        it = CancelRequest.from_bytes(record.value or b"")
        batch.cancellation((it.id, it.trunk_id, 1 if it.bulk else 0), _written_at(record))

    def _submitted(
        self,
        batch: LogBatch,
        submission: Submission | GlancedSubmission,
        at: int,
        messages: Iterable[SubmittedMessage],
        columns: slice,
        values: tuple[Any, ...],
        wanted_until: int = 0,
    ) -> None:
        trunk_id, tags, campaign_id = submission.trunk_id, submission.tags, submission.campaign_id
        account_id, source = self._account_of(trunk_id), _shown(submission.source)
        keeps_texts = self._keeps_texts_of(account_id)
        for identity, destination, text, reference in messages:
            row = batch.message(identity, trunk_id, account_id, source, destination, at, wanted_until)
            if row is not None:
                batch.first(row, columns, values)
                if keeps_texts:
                    batch.text(row, _shown(text))
                batch.of_customer(row, reference, tags, campaign_id, submission.callback_url)

    def _take_segmented(self, batch: LogBatch, record: InRecord) -> None:
        it = read_segmented(_storable(record.value))
        row = batch.message(
            it.id, it.trunk_id, it.account_id, it.source, it.destination, _micros(it.accepted_at)
        )  # fmt: skip
        if row is None:
            return
        changes = bytes(it.text_changes).decode() or None
        batch.first(
            row,
            SEGMENTED,
            (
                record.partition, record.offset, _written_at(record), it.data_coding, len(it.segments), it.carrier_id,
                it.price_per_segment, it.currency, _micros(it.expires_at), changes, it.national_language,
            ),
        )  # fmt: skip
        if self._keeps_texts_of(it.account_id):
            text = "".join([read_text(segment).text for segment in it.segments])
            batch.text(row, text, CONTENT if changes is None else SENT_CONTENT)
        batch.of_customer(row, it.client_reference, it.tags, it.campaign_id, it.callback_url)

    def _take_status(self, batch: LogBatch, value: bytes) -> None:
        it = read_status(value)
        row = batch.message(
            it.message_id, it.trunk_id, it.account_id or self._account_of(it.trunk_id), it.source, it.destination,
            _micros(it.accepted_at),
        )  # fmt: skip
        if row is None:
            return
        ended_at = _micros(it.ended_at)
        if it.stage == StatusStage.PROCESSING:
            row[PROCESSED] = (
                it.status, it.code_id, it.reason, ended_at, it.segments_sent, it.carrier_id, it.price_per_segment,
                it.currency, 1 if it.possible_duplicate else None,
            )  # fmt: skip
        else:
            receipts = bytes(it.segments).decode() or None
            row[DELIVERED] = it.status, it.code_id, it.reason, ended_at, receipts
        batch.of_customer(row, it.client_reference, it.tags, it.campaign_id, it.callback_url)

    def _take_mark(self, batch: LogBatch, value: bytes) -> None:
        it = read_mark(value)
        identity, _, number = it.segment_id.rpartition(":")
        seqnum = int(number)
        if not 0 < seqnum <= MAX_SEQNUM:
            raise ValueError("a segment that cannot be")
        batch.mark(
            (identity, seqnum, it.attempt), _micros(it.at), it.mark, it.carrier_id, it.carrier_message_id,
            it.error, is_whole=1 if it.whole else None, begins=it.mark == _SUBMITTING,
        )  # fmt: skip

    def _take_attempt(self, batch: LogBatch, value: bytes) -> None:
        it = read_attempt(value)
        stage = it.webhook_id.rpartition(".")[2]
        batch.callback(
            (it.message_id, it.trunk_id, stage, _micros(it.at), it.attempt),
            (
                None if it.resent_at is None else _micros(it.resent_at), it.endpoint, it.milliseconds, it.outcome,
                it.status_code, it.error, it.answer,
            ),
        )  # fmt: skip
