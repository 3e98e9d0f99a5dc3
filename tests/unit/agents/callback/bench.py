"""A `Notifier` with a scripted endpoint and a broker that only remembers."""

import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from agents.callback.attempts import AttemptLog
from agents.callback.line_up import Notification, entry_of, read
from agents.callback.notify import Notifier
from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.directory.key_file import SealingKey
from pipeline.http.client import Answer, HttpPoster
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.posting.dispatcher import Turn
from pipeline.posting.flows import Flow, Lane
from pipeline.posting.intake import Entry
from pipeline.posting.peers.peer import Peer
from pipeline.posting.places import QUICK
from pipeline.posting.retry_schedule import RetrySchedule
from pipeline.tracing.spans import UNTRACED, Tracing
from schemas.directory.trunk import Trunk
from schemas.headers.dead_letter import DeadLetterSource
from schemas.messages.callback import CallbackAttempt, WaitingNotification
from schemas.messages.status import MessageStatus
from schemas.record import Header, InRecord, OutRecord
from schemas.topics import CALLBACK_ATTEMPTED, CALLBACK_RETRY
from tests import builders
from tests.builders import directory_of, secret, trunk, waiting_notification
from tests.fakes.clock import Clock
from tests.fakes.directory_view import DirectoryViewInMemory

NOW = datetime.now(UTC)
BEGAN = NOW + timedelta(hours=1)  # no run of the tests, however slow, makes what began then too old
MESSAGE_ID = "0190f0c0-0000-7000-8000-000000000001"
TRUNK_ID = "0190f0c0-0000-7000-8000-000000000002"
SECRET = "whsec_" + b64encode(b"s" * 32).decode()
TRUNK = trunk(
    id=TRUNK_ID, callback_url="https://customer.example/hook?token=private", callback_secrets=(secret(SECRET),)
)
SEALER = CallbackSealer([SealingKey("k", b"k" * 32)])
TIER = "sms.callback.retry.5s"
SCHEDULE = RetrySchedule(CALLBACK_RETRY, (5, 30))


def status(**changes: Any) -> MessageStatus:
    defaults: dict[str, Any] = {"message_id": MESSAGE_ID, "trunk_id": TRUNK_ID, "accepted_at": NOW}
    return builders.status(**defaults | changes)


def waiting(attempt: int, **changes: Any) -> bytes:
    defaults: dict[str, Any] = {"attempt": attempt, "first_attempt_at": BEGAN, "due_at": NOW, "last_error": "x"}
    return waiting_notification(status(), **defaults | changes).to_bytes()


class Endpoint:
    """Stands for the HTTP client: answers as told and keeps what was posted."""

    def __init__(self, outcome: int | Answer | Exception) -> None:
        self.outcome = outcome
        self.posted: list[tuple[str, dict[str, str], bytes]] = []
        self.tls: list[ssl.SSLContext | None] = []
        self.reached: list[str] = []

    async def reach(self, url: str, *, tls: ssl.SSLContext | None = None) -> bool:
        self.reached.append(url)
        return True

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, tls: ssl.SSLContext | None = None
    ) -> Answer:
        self.tls.append(tls)
        self.posted.append((url, dict(headers), body))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome if isinstance(self.outcome, Answer) else Answer(self.outcome, b"", None)


def view_of(known: Trunk | None) -> DirectoryViewInMemory:
    return DirectoryViewInMemory(directory_of(*([] if known is None else [known])))


class Successes:
    """Stands for the log of attempts: everything it is given is durable at once."""

    def __init__(self) -> None:
        self.events: list[CallbackAttempt] = []

    def add(self, work: Work, event: OutRecord) -> None:
        assert event.topic == CALLBACK_ATTEMPTED
        attempt = CallbackAttempt.from_bytes(event.value or b"")
        assert event.key == attempt.message_id.encode()
        self.events.append(attempt)
        work.finish()


class Bench:
    """A `Notifier` with everything around it."""

    def __init__(
        self,
        outcome: int | Answer | Exception = 200,
        view: DirectoryViewInMemory | None = None,
        tracing: Tracing = UNTRACED,
    ) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint(outcome)
        self.view = view or view_of(TRUNK)
        self.successes = Successes()
        self.failures: list[CallbackAttempt] = []
        self.written: list[OutRecord] = []
        self.tracker = Assignment()
        self.peer = Peer(TRUNK_ID, self.clock, most=8)
        self.peers = {TRUNK_ID: self.peer}
        self.lined_up: list[Entry[Notification]] = []
        """What should not be posted together after all."""
        self._offset = 0

        self.notifier = Notifier(
            cast("DirectoryView", self.view),
            cast("HttpPoster", self.endpoint),
            cast("AttemptLog", self.successes),
            SCHEDULE,
            SEALER,
            tracing,
            line_up=self._line_up,
        )

    async def _line_up(self, entries: Iterable[Entry[Notification]]) -> None:
        self.lined_up += entries

    async def take(
        self,
        topic: str,
        value: bytes | None,
        meanwhile: Callable[[], None] = lambda: None,
        headers: tuple[Header, ...] = (),
    ) -> None:
        """Have one record worked on; it must be finished afterwards. `meanwhile` happens while it is queued."""
        self.tracker.hand_out(self._offset)
        timestamp_ms = int(datetime.now(UTC).timestamp() * 1000)
        item = read(Work(InRecord(topic, 3, self._offset, timestamp_ms, b"key", value, headers), self.tracker))
        has_to_wait = self.notifier.has_to_wait(item)
        meanwhile()
        if has_to_wait and isinstance(item, Notification):
            await self.notify(item)
        self._offset += 1
        assert self.tracker.position == self._offset
        self._note_outbox()

    def _note_outbox(self) -> None:
        following = self.tracker.take_outbox(self._offset)
        self.failures += [
            CallbackAttempt.from_bytes(it.value or b"") for it in following if it.topic == CALLBACK_ATTEMPTED
        ]
        self.written += [it for it in following if it.topic != CALLBACK_ATTEMPTED]

    async def take_together(
        self,
        records: Sequence[tuple[str, bytes]],
        meanwhile: Callable[[], None] = lambda: None,
        headers: tuple[Header, ...] = (),
    ) -> None:
        """Have the records of one batch worked on; `meanwhile` happens while they gather."""
        entries = []
        timestamp_ms = int(datetime.now(UTC).timestamp() * 1000)
        for topic, value in records:
            self.tracker.hand_out(self._offset)
            item = read(Work(InRecord(topic, 3, self._offset, timestamp_ms, b"key", value, headers), self.tracker))
            self._offset += 1
            assert isinstance(item, Notification)
            assert self.notifier.has_to_wait(item)
            entries.append(entry_of(item, self.view.directory.trunk(TRUNK_ID), SCHEDULE))
        meanwhile()
        turn = self.turn_of(entries[0])
        turn.others = entries[1:]
        await self.notifier(turn)
        self._note_outbox()

    async def notify(self, item: Notification) -> None:
        """Let it have its turn."""
        entry = entry_of(item, self.view.directory.trunk(TRUNK_ID), SCHEDULE)
        await self.notifier(self.turn_of(entry))

    def turn_of(self, entry: Entry[Notification]) -> Turn[Entry[Notification]]:
        self.peer = self.peers.setdefault(entry.flow.peer, Peer(entry.flow.peer, self.clock, most=8))
        flow: Flow[Entry[Notification]] = Flow(entry.flow.name, entry.flow.account, self.peer)
        return Turn(flow, Lane(0), entry, probe=False, place=QUICK, began_at=self.clock())

    def waiting(self) -> list[WaitingNotification]:
        """What was written to retry tiers."""
        return [WaitingNotification.from_bytes(it.value or b"") for it in self.written if "dead-letter" not in it.topic]

    def reasons(self) -> list[str]:
        """Why dead letters were written."""
        return [DeadLetterSource.from_headers(it.headers).reason for it in self.written if "dead-letter" in it.topic]
