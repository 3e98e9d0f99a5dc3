"""Endpoints of callbacks: a trunk that has one, and attempts at it."""

from datetime import timedelta
from typing import Any

from schemas.messages.callback import AttemptOutcome, CallbackAttempt
from tests.unit.agents.panel.office import NOW, uuid

TRUNK = uuid(1)
URL = "https://a.example/sms/status?key=1"
LATER = NOW + timedelta(seconds=1)


def attempt(outcome: str = "gone", **more: Any) -> CallbackAttempt:
    return CallbackAttempt.model_validate({
        "webhook_id": f"{uuid(900)}.processing", "message_id": uuid(900), "trunk_id": TRUNK, "attempt": 1,
        "endpoint": "https://a.example", "at": LATER, "milliseconds": 1234, "status_code": 410,
        "outcome": AttemptOutcome(outcome), **more,
    })  # fmt: skip
