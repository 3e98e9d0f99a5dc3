"""What the client reads of a message, held to what the server writes and documents."""

from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import yaml
from smsout_client import Message

from agents.serving.message_shown import message
from pipeline.message_log.reading.message import LoggedMessage
from tests.builders import uuid
from tests.logged_messages import QUEUED
from tests.message_lives import NOON

SCHEDULED: Final = replace(
    QUEUED, scheduled=(0, 1), scheduled_at=NOON, send_at=NOON + timedelta(hours=1), bulk_id=uuid(71)
)

OTHER_NAMES: Final = {
    "time_start": "accepted_at", "end_time": "ended_at", "fragments": "segments", "fragments_sent": "segments_sent",
    "delivery_time": "delivered_at",
}  # fmt: skip
ONLY_RAW: Final = {"content", "sent_content", "possible_duplicate"}
"""What a program reads from `raw`: texts, which most logs do not have, and a doubt that `reason` words."""


@pytest.mark.parametrize("entry", [SCHEDULED, replace(SCHEDULED, status="Success", ended_at=NOON, segments_sent=1)])
def test_what_was_scheduled_is_read_with_its_time_and_its_bulk(entry: LoggedMessage) -> None:
    """While it waits, and when it is over."""
    read = Message.of(message(entry, keeps_text=False))
    assert (read.status, read.send_at, read.bulk_id) == (entry.state, SCHEDULED.send_at, SCHEDULED.bulk_id)


def test_what_was_not_scheduled_has_neither() -> None:
    """A gateway of an earlier version has no such attributes either."""
    read = Message.of(message(QUEUED, keeps_text=False))
    assert (read.status, read.send_at, read.bulk_id) == ("Queued", None, None)


def test_every_attribute_of_the_document_is_read() -> None:
    """By its own name or by another one; an attribute that is new to docs/openapi.yaml has to be read or excused."""
    document = yaml.safe_load(Path("docs/openapi.yaml").read_text())
    told = set(document["components"]["schemas"]["ShownMessageAttributes"]["properties"])
    assert {OTHER_NAMES.get(it, it) for it in told - ONLY_RAW} == {it.name for it in fields(Message)} - {"id", "raw"}
