"""Records become rows: of each record what the log is about, and no more.

Submissions are read by the processor's own code, or taken at a glance where that says the same, so that what it refuses
is no message here either. The other records are written by our agents alone, and are read without the checks of their
models, at a fifth of the cost; one that is not what it should be is passed over and counted.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from pipeline.directory.model import Directory
from pipeline.message_log.batch import DELIVERED, PROCESSED, SEGMENTED, SUBMITTED, LogBatch
from pipeline.message_log.submissions import GlancedSubmission, glance
from pipeline.message_log.tables import EPOCH
from pipeline.steps.acceptance import LATEST_MS, accept, recorded_at
from pipeline.steps.submitted_record import UnreadableSubmission, read_submitted
from schemas import topics
from schemas.identifiers import message_id_from_idempotency_key
from schemas.journal import JournalMark
from schemas.labels import MAX_REFERENCE_LENGTH, MAX_TAG_LENGTH, MAX_TAGS
from schemas.record import InRecord
from schemas.status import StatusStage
from schemas.submission import Submission

TOPICS: Final = (
    topics.SUBMITTED, topics.SEGMENTED, topics.JOURNAL, topics.STATUS, topics.CALLBACK_ATTEMPTED,
)  # fmt: skip

MAX_SEQNUM: Final = 255
_NULL: Final = b"\\u0000"  # the one character that JSON can hold and PostgreSQL's texts cannot
_NULL_SHOWN: Final = b"\\ufffd"
_SUBMITTING: Final = JournalMark.SUBMITTING.value

# Bounded as everything that is indexed must be: PostgreSQL takes no entry of more than 2.7 kB.
Name = Annotated[str, Meta(max_length=64)]
Count = Annotated[int, Meta(ge=0, le=2_147_483_647)]
Reference = Annotated[str, Meta(max_length=MAX_REFERENCE_LENGTH)]
Tags = Annotated[list[Annotated[str, Meta(max_length=MAX_TAG_LENGTH)]], Meta(max_length=MAX_TAGS)]


class _Segmented(Struct, gc=False):
    id: Name
    trunk_id: Name
    account_id: Name
    source: Name
    destination: Name
    data_coding: Count
    segments: list[Raw]
    carrier_id: Name
    accepted_at: datetime
    expires_at: datetime
    price_per_segment: str | None = None
    currency: str | None = None
    client_reference: Reference | None = None
    tags: Tags | None = None


class _Status(Struct, gc=False):
    message_id: Name
    trunk_id: Name
    stage: Name
    status: Name
    source: Name
    destination: Name
    accepted_at: datetime
    ended_at: datetime
    account_id: Name | None = None
    code_id: Count | None = None
    reason: str | None = None
    segments_sent: Count = 0
    price_per_segment: str | None = None
    currency: str | None = None
    carrier_id: Name | None = None
    possible_duplicate: bool | None = None
    segments: Raw = Raw()  # `Raw | None` would be read as null alone
    client_reference: Reference | None = None
    tags: Tags | None = None


class _Mark(Struct, gc=False):
    segment_id: Name
    mark: Name
    attempt: Count
    at: datetime
    carrier_id: Name
    carrier_message_id: str | None = None
    error: str | None = None
    whole: bool | None = None


class _Attempt(Struct, gc=False):
    webhook_id: Annotated[str, Meta(max_length=128)]
    message_id: Name
    trunk_id: Name
    attempt: Count
    endpoint: str
    at: datetime
    milliseconds: Count
    outcome: Name
    resent_at: datetime | None = None
    status_code: Count | None = None
    error: str | None = None
    answer: str | None = None


class _Text(Struct, gc=False):
    text: str


_segmented: Final = Decoder(_Segmented).decode
_status: Final = Decoder(_Status).decode
_mark: Final = Decoder(_Mark).decode
_attempt: Final = Decoder(_Attempt).decode
_text: Final = Decoder(_Text).decode

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


_UNREADABLE: Final = (msgspec.DecodeError, TypeError, OverflowError, ValueError)


class ConsumedRecord(Protocol):
    """What is used of a consumer's record. `timestamp` is in milliseconds."""

    @property
    def partition(self) -> int:
        """Where it lies."""

    @property
    def offset(self) -> int:
        """Where it lies there."""

    @property
    def timestamp(self) -> int:
        """When it was written."""

    @property
    def value(self) -> bytes | None:
        """What it says."""


class RecordReader:
    """Puts records into batches. `directory` says whose a trunk is, and whether its texts are kept."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._of_record: dict[str, Callable[[LogBatch, InRecord], None]] = {
            topics.SUBMITTED: self._take_submitted,
            topics.SEGMENTED: self._take_segmented,
        }
        self._of_value: dict[str, Callable[[LogBatch, bytes], None]] = {
            topics.JOURNAL: self._take_mark,
            topics.STATUS: self._take_status,
            topics.CALLBACK_ATTEMPTED: self._take_attempt,
        }

    def read(self, batch: LogBatch, topic: str, records: Iterable[ConsumedRecord]) -> None:
        """Put records of one topic into a batch, in their order."""
        if (take_value := self._of_value.get(topic)) is not None:
            for stored in records:
                try:
                    take_value(batch, _storable(stored.value))
                except _UNREADABLE:
                    batch.unreadable += 1
            return
        take = self._of_record[topic]
        for it in records:
            record = InRecord(topic, it.partition, it.offset, it.timestamp, None, it.value, ())
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
                self._submitted(batch, record, it, at, [(to.id, to.address) for to in it.destinations])
            return
        for element, submission in enumerate(read_submitted(record.value)):
            if isinstance(submission, UnreadableSubmission):
                continue  # it is a dead letter, and no message
            accepted = accept(record, element, submission, written_at)
            trunk_id, key, at = submission.trunk_id, submission.idempotency_key, _micros(accepted.accepted_at)
            mine = [
                (identity, destination)
                for identity, destination in accepted.messages().items()
                # It may repeat another submission, and never become a message under an id of its own.
                if key is None or identity == message_id_from_idempotency_key(trunk_id, key, destination)
            ]
            self._submitted(batch, record, submission, at, mine)

    def _submitted(
        self,
        batch: LogBatch,
        record: InRecord,
        submission: Submission | GlancedSubmission,
        at: int,
        messages: Iterable[tuple[str, str]],
    ) -> None:
        trunk_id, reference, tags = submission.trunk_id, submission.client_reference, submission.tags
        account_id, source = self._account_of(trunk_id), _shown(submission.source)
        text = _shown(submission.content) if self._keeps_texts_of(account_id) else None
        for identity, destination in messages:
            row = batch.message(identity, trunk_id, account_id, source, destination, at)
            if row is not None:
                batch.first(row, SUBMITTED, (record.partition, record.offset))
                if text is not None:
                    batch.text(row, text)
                if reference is not None or tags:
                    batch.labels(row, reference, tags)

    def _take_segmented(self, batch: LogBatch, record: InRecord) -> None:
        it = _segmented(_storable(record.value))
        written_at_ms = min(max(0, record.timestamp_ms), LATEST_MS)
        row = batch.message(
            it.id, it.trunk_id, it.account_id, it.source, it.destination, _micros(it.accepted_at)
        )  # fmt: skip
        if row is None:
            return
        batch.first(
            row,
            SEGMENTED,
            (
                record.partition, record.offset, written_at_ms * 1000, it.data_coding, len(it.segments), it.carrier_id,
                it.price_per_segment, it.currency, _micros(it.expires_at),
            ),
        )  # fmt: skip
        if self._keeps_texts_of(it.account_id):
            batch.text(row, "".join([_text(segment).text for segment in it.segments]))
        if it.client_reference is not None or it.tags:
            batch.labels(row, it.client_reference, it.tags)

    def _take_status(self, batch: LogBatch, value: bytes) -> None:
        it = _status(value)
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
        if it.client_reference is not None or it.tags:
            batch.labels(row, it.client_reference, it.tags)

    def _take_mark(self, batch: LogBatch, value: bytes) -> None:
        it = _mark(value)
        identity, _, number = it.segment_id.rpartition(":")
        seqnum = int(number)
        if not 0 < seqnum <= MAX_SEQNUM:
            raise ValueError("a segment that cannot be")
        batch.mark(
            (identity, seqnum, it.attempt), _micros(it.at), it.mark, it.carrier_id, it.carrier_message_id,
            it.error, is_whole=1 if it.whole else None, begins=it.mark == _SUBMITTING,
        )  # fmt: skip

    def _take_attempt(self, batch: LogBatch, value: bytes) -> None:
        it = _attempt(value)
        stage = it.webhook_id.rpartition(".")[2]
        batch.callback(
            (it.message_id, it.trunk_id, stage, _micros(it.at), it.attempt),
            (
                None if it.resent_at is None else _micros(it.resent_at), it.endpoint, it.milliseconds, it.outcome,
                it.status_code, it.error, it.answer,
            ),
        )  # fmt: skip
