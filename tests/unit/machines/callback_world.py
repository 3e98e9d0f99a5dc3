"""The callback agent's whole process between a broker and an endpoint in memory, and what must always hold there."""

import ssl
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any, Final, cast
from uuid import UUID

from agents.callback.app import serve
from agents.runtime import Agent
from pipeline.callbacks.batch import MAX_EVENTS
from pipeline.errors import InDoubt, NotSent
from pipeline.http.client import Answer
from pipeline.settings import AgentSettings, CallbackSettings, KafkaSettings, RetrySettings
from pipeline.tracing.spans import UNTRACED
from schemas.directory.callback_options import CallbackOptions
from schemas.headers.parked import Parked
from schemas.messages.callback import AttemptOutcome, CallbackAttempt, WaitingNotification
from schemas.messages.status import MessageStatus
from schemas.record import InRecord, OutRecord
from schemas.topics import (
    CALLBACK_ATTEMPTED,
    CALLBACK_PARKED,
    CALLBACK_RETRY,
    STATUS,
    dead_letter_topic,
    tier_topic,
)
from tests.builders import directory_of, status, trunk
from tests.fakes.broker import LIFE, SESSION_SECONDS, Life
from tests.fakes.directory_view import DirectoryViewInMemory
from tests.fakes.virtual_time import CLOCK
from tests.inbox import told_by
from tests.unit.machines.history import World


@dataclass(frozen=True, slots=True)
class Posted:
    """One POST, or one event of a batch, as the endpoint saw it."""

    webhook_id: str
    at: float
    status: int | None
    by_owner: bool
    """False when the process that posted had lost its partitions without knowing it yet."""


class HttpPosterInMemory:
    """Stands for the HTTP client of one life."""

    def __init__(self, **_: Any) -> None:
        self._life = LIFE.get()
        self._world = PRESENT[-1]

    async def reach(self, url: str) -> bool:
        await self._life.breathe()
        return self._world.usually != 0

    async def close(self) -> None:
        """There is no connection."""

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, tls: ssl.SSLContext | None = None
    ) -> Answer:
        if self._life.dead:
            raise AssertionError("a dead process posts")
        script = self._world.script
        status = script.popleft() if script else self._world.usually
        told = [it.webhook_id for it in told_by({"headers": headers, "body": body})]
        assert 1 <= len(set(told)) == len(told) <= MAX_EVENTS, f"not to be in one POST: {told}"
        self._world.posted += [Posted(it, CLOCK.seconds(), status, self._life.is_member) for it in told]
        await self._life.breathe()
        if status is None:
            raise InDoubt("no answer")
        if status == 0:
            raise NotSent("connection refused")
        return Answer(status, b"", None)


PRESENT: Final[list["CallbackWorld"]] = []
"""The history that runs is the last one."""


# Settings are read once: to read them costs as much as a short history.
SETTINGS: Final = AgentSettings()
KAFKA: Final = KafkaSettings(session_timeout_seconds=SESSION_SECONDS)
CALLBACKS: Final = CallbackSettings()


@cache
def _retries(delays: tuple[int, ...]) -> RetrySettings:
    return RetrySettings(callback_delays_seconds=delays)


def _directory_view(*_: Any, **__: Any) -> DirectoryViewInMemory:
    return DirectoryViewInMemory(PRESENT[-1].directory)


EXCHANGED: Final[tuple[tuple[str, str, object], ...]] = (
    ("agents.callback.app", "HttpPoster", HttpPosterInMemory),
    ("agents.callback.app", "DirectoryView", _directory_view),
    ("agents.callback.app", "KafkaSettings", lambda: KAFKA),
    ("agents.callback.app", "RetrySettings", lambda: _retries(PRESENT[-1].delays)),
    ("agents.callback.app", "CallbackSettings", lambda: CALLBACKS),
)


class CallbackWorld(World):
    """A history of the callback agent, with its endpoint, and the checks."""

    def __init__(self, seed: int, delays: tuple[int, ...] = (5, 30, 120), *, batch: bool = False) -> None:
        super().__init__(seed)
        PRESENT[:] = [self]
        self.delays: tuple[int, ...] = delays
        self.tiers = {tier_topic(CALLBACK_RETRY, seconds): seconds for seconds in delays}
        self.topics = (STATUS, *self.tiers)
        self.script: deque[int | None] = deque()
        self.usually: int | None = 200
        self.posted: list[Posted] = []
        self.clock_was_put = False
        self.settles_within_seconds = 2.0 * sum(delays) + 60.0
        self.statuses: list[MessageStatus] = []
        options = CallbackOptions(batch=True) if batch else None
        self.directory = directory_of(trunk(callback_url="https://customer.example/", callbacks=options))
        self.begin()

    async def agent(self, life: Life) -> None:
        agent = SimpleNamespace(settings=SETTINGS, slot=life.slot, stopping=life.stopping, tracing=UNTRACED)
        await serve(cast("Agent", agent))

    # What may happen.

    def end_a_message(self) -> None:
        """Delivery writes a status."""
        ended = status(message_id=str(UUID(int=len(self.statuses) + 1)), accepted_at=CLOCK.now())
        self.statuses.append(ended)
        self.broker.append([OutRecord(STATUS, ended.message_id.encode(), ended.to_bytes())])

    def put_clock(self, seconds: float) -> None:
        CLOCK.put_forward += timedelta(seconds=seconds)
        self.clock_was_put = True

    def all_is_well(self) -> None:
        """The endpoint does from now on what it usually does."""
        self.script.clear()

    def seconds_to_next(self) -> float:
        """Until the first notification in a tier is due, if none waits elsewhere."""
        if self.broker.parked(CALLBACK_PARKED) or self.zombies or self.clock_was_put:
            return 0.0
        waiting = self.broker.open(self.topics)
        if any(topic == STATUS for topic, _, _ in waiting):
            return 0.0
        due = [WaitingNotification.from_bytes(record.value or b"").due_at for _, _, record in waiting]
        return min(((it - CLOCK.now()).total_seconds() - 0.5 for it in due), default=0.0)

    def is_settled(self) -> bool:
        return not self.broker.open(self.topics) and not self.broker.parked(CALLBACK_PARKED)

    # What must hold.

    def attempts(self) -> dict[str, list[CallbackAttempt]]:
        """Return the events of each notification, in order."""
        found: dict[str, list[CallbackAttempt]] = defaultdict(list)
        for record in self.broker.log(CALLBACK_ATTEMPTED):
            event = CallbackAttempt.from_bytes(record.value or b"")
            found[event.webhook_id].append(event)
        return found

    def letters(self) -> set[str]:
        """Return the webhook-ids of dead letters."""
        found = set()
        for topic in {dead_letter_topic(it) for it in self.topics}:
            for record in self.broker.log(topic):
                value = record.value or b""
                found.add(
                    (
                        WaitingNotification.from_bytes(value).status
                        if b'"due_at"' in value
                        else MessageStatus.from_bytes(value)
                    ).webhook_id
                )
        return found

    def check(self) -> None:
        """Hold at any moment: one open record for each notification, or it was accepted or is a dead letter."""
        self.check_for_errors_of_ours()
        chains: dict[str, int] = defaultdict(int)
        for topic, _, record in self.broker.open(self.topics):
            chains[_status_of(topic, record.value).webhook_id] += 1
        for it in self.broker.parked(CALLBACK_PARKED):
            stored = InRecord(CALLBACK_PARKED, 0, 0, it.timestamp_ms, it.key, it.value, it.headers)
            parked = Parked.from_record(stored).record
            chains[_status_of(parked.topic, parked.value).webhook_id] += 1
        accepted = {it.webhook_id for it in self.posted if it.status is not None and 200 <= it.status < 300}
        letters = self.letters()
        for ended in self.statuses:
            identity = ended.webhook_id
            assert chains[identity] <= 1, f"the chain of {identity} has forked"
            assert chains[identity] == 1 or identity in accepted | letters, f"the chain of {identity} has ended"

    def check_the_end(self) -> None:
        """Hold when all is settled: unique attempts, in due order, and none before it is due."""
        self.check()
        for identity, events in self.attempts().items():
            failed = [it.attempt for it in events if it.outcome is AttemptOutcome.FAILED]
            assert failed == sorted(set(failed)), f"attempts of {identity} are not unique: {failed}"
        if not self.clock_was_put:
            for topic, delay in self.tiers.items():
                self._check_order(topic, delay)
            self._check_times()

    def _check_order(self, topic: str, delay_seconds: int) -> None:
        """Due order, but for what was decided earlier and written later, because something before it still hung."""
        latest = 0.0
        for record in self.broker.log(topic):
            due = WaitingNotification.from_bytes(record.value or b"").due_at.timestamp()
            decided = due - delay_seconds
            waited = record.timestamp_ms / 1000 - decided
            assert due >= latest or waited > 0.001, f"{topic} is not in due order"
            latest = max(latest, due)

    def _check_times(self) -> None:
        """No owner makes an attempt that waits before it is due.

        What was tried before it began to wait, and what a paused process does that does not know yet that another has
        its partitions, is a notification too many, which is not excluded.
        """
        owners = {(it.webhook_id, round(it.at, 3)) for it in self.posted if it.by_owner}
        waits: defaultdict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
        for topic in self.tiers:
            for record in self.broker.log(topic):
                waiting = WaitingNotification.from_bytes(record.value or b"")
                span = (record.timestamp_ms / 1000, waiting.due_at.timestamp())
                waits[waiting.status.webhook_id, waiting.attempt].append(span)
        zero = CLOCK.now().timestamp() - CLOCK.seconds()
        for identity, events in self.attempts().items():
            for event in events:
                at = event.at.timestamp()
                if (identity, round(at - zero, 3)) in owners:
                    for began, due in waits[identity, event.attempt]:
                        assert not began + 0.001 < at < due - 0.001, f"{identity} came too early"


def _status_of(topic: str, value: bytes | None) -> MessageStatus:
    if topic == STATUS:
        return MessageStatus.from_bytes(value or b"")
    return WaitingNotification.from_bytes(value or b"").status
