"""What the message log knows of an office's messages, written as its agent writes it."""

from datetime import timedelta
from typing import Any

from pipeline.message_log.writing.batch import LogBatch
from pipeline.message_log.writing.decoding import RecordReader
from pipeline.message_log.writing.writer import LogPlace, LogWriter
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.destination import Destination
from schemas.messages.status import MessageStatus
from schemas.record import InRecord, Record
from schemas.topics import CALLBACK_ATTEMPTED, CANCEL_REQUESTED, SCHEDULED, SEGMENTED, STATUS
from tests.builders import callback_attempt, message, status, submission
from tests.unit.agents.panel.office import Office


def logged(office: Office, message_id: str, trunk_id: str, account_id: str, **changes: Any) -> MessageStatus:
    """Let the log know a message that the carrier has taken, or what `changes` say; return its status."""
    at = changes.pop("accepted_at", office.now - timedelta(minutes=1))
    text = changes.pop("text", None)
    about = {"trunk_id": trunk_id, "account_id": account_id, "accepted_at": at}
    sent = message(id=message_id, destination=changes.get("destination", "15551234567"), **about)
    if text is not None:
        sent = sent.model_copy(update={"segments": (sent.segments[0].model_copy(update={"text": text}),)})
    sent = sent.model_copy(update={it: changes[it] for it in ("text_changes", "national_language") if it in changes})
    ended = status(**{"message_id": message_id, "segments_total": 1, "segments_sent": 1, **about, **changes})
    _write(office, SEGMENTED, sent)
    _write(office, STATUS, ended)
    return ended


def scheduled(office: Office, message_id: str, trunk_id: str, *, bulk_id: str | None = None, **changes: Any) -> None:
    """Let the log know a message that waits: for an hour, unless `changes` say."""
    to = Destination(address=changes.pop("destination", "15551234567"), id=message_id)
    about = {"accepted_at": office.now - timedelta(minutes=1), "send_at": office.now + timedelta(hours=1), **changes}
    _write(office, SCHEDULED, submission(to, id=bulk_id, trunk_id=trunk_id, **about))


def wished(office: Office, identity: str, trunk_id: str, *, bulk: bool | None = None) -> None:
    """Let the log know that a message, or a bulk, is to be cancelled."""
    wish = CancelRequest(trunk_id=trunk_id, id=identity, bulk=bulk, requested_at=office.now)
    _write(office, CANCEL_REQUESTED, wish)


def attempted(office: Office, of: MessageStatus, **changes: Any) -> None:
    """Let the log know an attempt to notify."""
    _write(office, CALLBACK_ATTEMPTED, callback_attempt(of, **{"at": office.now - timedelta(seconds=30), **changes}))


def _write(office: Office, topic: str, record: Record) -> None:
    writer, batch = LogWriter(office.log.engine), LogBatch(0, 100_000)
    writer.open()
    place = LogPlace(topic, 0)
    offset = writer.positions.get(place, 0)
    at_ms = int(office.now.timestamp() * 1000)
    stored = [InRecord(topic, 0, offset, at_ms, None, record.to_bytes(), ())]
    RecordReader(office.operations.directory).read(batch, topic, stored)
    writer.write(batch, {place: offset + 1})
    assert not batch.unreadable
