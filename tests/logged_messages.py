"""What the message log tells of one message, for tests of those who show it: they replace what matters to them."""

from typing import Final

from pipeline.message_log.reading.message import LoggedMessage
from tests.builders import uuid
from tests.message_lives import NOON

QUEUED: Final = LoggedMessage(
    uuid(61), uuid(11), uuid(1), "12125551234", "15551234567", NOON, None, (0, 7), None, None, None, None, None, None,
    None, None, None, None, None, None, 0, possible_duplicate=False, delivery_status=None, delivery_code_id=None,
    delivery_reason=None, delivery_ended_at=None,
)  # fmt: skip
