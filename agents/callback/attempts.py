"""Every attempt becomes an event on `sms.callback.attempted`, durable before the commit of its work; so does what is
left out because the trunk has not chosen to hear of it.

A failed attempt's event is written with what follows from it. A success has nothing else to write, so its event goes
to the broker with those of its neighbours, and its record is finished when they have arrived; no worker waits for it.
"""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from agents.callback.line_up import Notification
from pipeline.callbacks.endpoint import Endpoint
from pipeline.failpoints import failpoint
from pipeline.http.url import origin_of
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.group_commit import BUSY_PAUSE_SECONDS, GroupCommit
from pipeline.kafka.producer import RecordProducer
from pipeline.metrics import GROUP_SIZE
from schemas.messages.callback import AttemptOutcome, CallbackAttempt, UncheckedCallbackAttempt
from schemas.record import OutRecord
from schemas.topics import CALLBACK_ATTEMPTED
from schemas.unchecked import encode

LONGEST_TEXT: Final = 256  # characters of an answer, or of an error
MOST_AT_ONCE: Final = 1000

_group_size = GROUP_SIZE.labels("callback")


def accepted(
    notification: Notification, endpoint: Endpoint, began_at: float, seconds: float, status_code: int
) -> OutRecord:
    """Return the event of a success that began at `began_at` (Unix time)."""
    status = notification.status
    event = UncheckedCallbackAttempt(
        webhook_id=status.webhook_id,
        message_id=status.message_id,
        trunk_id=status.trunk_id,
        attempt=notification.attempt,
        resent_at=notification.resent_at,
        endpoint=origin_of(endpoint.url),
        via=endpoint.via,
        at=datetime.fromtimestamp(began_at, UTC),
        milliseconds=round(seconds * 1000),
        outcome=AttemptOutcome.ACCEPTED,
        status_code=status_code,
    )
    return OutRecord(CALLBACK_ATTEMPTED, status.message_id.encode(), encode(event))


def filtered(notification: Notification, endpoint: Endpoint) -> OutRecord:
    """Return the event of a notification that its trunk does not want: there is no attempt."""
    return _event(notification, endpoint, datetime.now(UTC), 0, AttemptOutcome.FILTERED)


class Failure(NamedTuple):
    """What a failed attempt came to: the answer's status and the beginning of its body, or why there was none."""

    error: str | None = None
    status_code: int | None = None
    answer: bytes = b""

    def __str__(self) -> str:
        return self.error if self.error is not None else f"status {self.status_code}"


def is_gone(endpoint: Endpoint, failure: Failure) -> bool:
    """Tell whether the trunk's own endpoint has said that it wants no more; no other address speaks for it."""
    return failure.status_code == 410 and endpoint.via is None


def failed(
    notification: Notification, endpoint: Endpoint, began_at: float, seconds: float, failure: Failure
) -> OutRecord:
    """Return the event of a failed attempt."""
    return _event(
        notification,
        endpoint,
        datetime.fromtimestamp(began_at, UTC),
        max(0, round(seconds * 1000)),
        AttemptOutcome.GONE if is_gone(endpoint, failure) else AttemptOutcome.FAILED,
        status_code=failure.status_code,
        error=None if failure.error is None else readable(failure.error),
        answer=readable(failure.answer.decode("utf-8", "replace")) or None,
    )


def _event(
    notification: Notification,
    endpoint: Endpoint,
    at: datetime,
    milliseconds: int,
    outcome: AttemptOutcome,
    **more: Any,
) -> OutRecord:
    status = notification.status
    event = CallbackAttempt(
        webhook_id=status.webhook_id,
        message_id=status.message_id,
        trunk_id=status.trunk_id,
        attempt=notification.attempt,
        resent_at=notification.resent_at,
        endpoint=origin_of(endpoint.url),
        via=endpoint.via,
        at=at,
        milliseconds=milliseconds,
        outcome=outcome,
        **more,
    )
    return OutRecord(CALLBACK_ATTEMPTED, status.message_id.encode(), event.to_bytes())


def readable(text: str) -> str:
    """Return the beginning of `text` without what could steer a terminal, or turn around what stands beside it.

    That is every control and format character (C0, C1, bidirectional overrides, zero widths), every surrogate, and
    the separators of lines and paragraphs; tabs and line feeds become spaces.
    """
    kept = (
        " " if character in "\t\n" else character
        for character in text[: 4 * LONGEST_TEXT]
        if character in "\t\n" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    )
    return "".join(kept)[:LONGEST_TEXT]


class AttemptLog:
    """Writes the events of successes, many at once, and finishes their work; an error ends `run` and so the agent."""

    def __init__(self, producer: RecordProducer) -> None:
        self._producer = producer
        self._group: GroupCommit[OutRecord] = GroupCommit(
            self._write, max_entries=MOST_AT_ONCE, pause_seconds=BUSY_PAUSE_SECONDS
        )

    def add(self, work: Work, event: OutRecord) -> None:
        """Have `event` written and then `work` finished; nobody waits for a single one."""
        self._group.hand_in(event, work.finish)

    async def run(self) -> None:
        """Write until cancelled. Raises `NotAcknowledged`."""
        await self._group.run()

    async def _write(self, events: Sequence[OutRecord]) -> None:
        _group_size.observe(len(events))
        await self._producer.write(events)
        failpoint("callback.after_attempts")
