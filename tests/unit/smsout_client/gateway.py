"""A gateway that says what a test wants, and remembers what it was asked: for both clients."""

import json
from collections.abc import Sequence
from typing import Any, Final

import httpx

URL: Final = "https://sms.example"
ID: Final = "01938d7e-5c1a-7b2e-9f40-2d6a1c3e5b70"
CREATED: Final = {"data": {"id": ID, "type": "outbound_messages"}}
LOGGED: Final = {
    "id": ID,
    "type": "outbound_messages",
    "attributes": {
        "status": "Success", "code_id": None, "reason": None, "source": "12125551234", "destination": "15551234567",
        "content": None, "time_start": "2026-11-22T13:28:03.000Z", "time_end": None,
        "end_time": "2026-11-22T13:28:04.000Z", "encoding": "GSM-7", "fragments": 1, "fragments_sent": 1,
        "price": 0.0075, "currency": "USD", "possible_duplicate": False, "delivery_status": None,
        "delivery_time": None,
    },
}  # fmt: skip
"""A message as docs/http-api.md shows it."""

EVENT: Final = {
    "id": "1",
    "type": "events",
    "attributes": {"event": "accepted", "time": "2026-11-22T13:28:03Z", "description": "accepted over HTTP"},
}

BUSY: Final = httpx.Response(429, headers={"Retry-After": "0"}, json={"errors": []})


class Gateway(httpx.MockTransport):
    """Answers with `answers` in turn; an exception among them is a connection that breaks."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        super().__init__(self._answer)
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        # A response belongs to the client that has read it.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def keys(self) -> set[str]:
        """The idempotency keys that came."""
        return {it.headers["idempotency-key"] for it in self.asked}

    def bodies(self) -> Sequence[Any]:
        """Return what was posted."""
        return [json.loads(it.content) for it in self.asked]
