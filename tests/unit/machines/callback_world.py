"""The callback agent's real code between a broker and an endpoint in memory, and what must always hold there."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from agents.callback.attempts import AttemptLog
from agents.callback.notify import Notifier
from agents.callback.read import Notification, read
from pipeline.callbacks.endpoint_health import Endpoints
from pipeline.directory.model import Directory
from pipeline.errors import InDoubt, NotSent
from pipeline.http.client import Answer
from pipeline.kafka.consuming.retry_tiers import wait_in
from pipeline.kafka.consuming.work import Work
from schemas.callback import AttemptOutcome, CallbackAttempt, WaitingNotification
from schemas.directory.entry import key_of
from schemas.directory.trunk import CallbackSecret, PasswordVerifier, Trunk
from schemas.record import OutRecord
from schemas.status import MessageStatus, StatusStage
from schemas.topics import CALLBACK_ATTEMPTED, CALLBACK_RETRY, STATUS, dead_letter_topic, tier_topic
from tests.unit.machines.broker_in_memory import Life, Member
from tests.unit.machines.history import World
from tests.unit.machines.virtual_time import CLOCK

if TYPE_CHECKING:
    from pipeline.http.client import HttpPoster
    from pipeline.kafka.producer import RecordProducer
    from pipeline.kafka.views.directory_view import DirectoryView

TRUNK_ID: Final = "0190f0c0-0000-7000-8000-000000000002"
SETTLES_WITHIN: Final = 4000


@dataclass(frozen=True, slots=True)
class Posted:
    """One POST as the endpoint saw it."""

    webhook_id: str
    at: float
    status: int | None
    by_owner: bool
    """False when the process that posted had lost its partitions without knowing it yet."""


class _Endpoint:
    """Stands for the HTTP client of one life."""

    def __init__(self, life: Life, world: "CallbackWorld") -> None:
        self._life = life
        self._world = world

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if self._life.dead:
            raise AssertionError("a dead process posts")
        script = self._world.script
        status = script.popleft() if script else self._world.usually
        self._world.posted.append(Posted(headers["webhook-id"], CLOCK.seconds(), status, self._life.is_present))
        await self._life.breathe()
        if status is None:
            raise InDoubt("no answer")
        if status == 0:
            raise NotSent("connection refused")
        return Answer(status, b"", None)


class _View:
    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    async def catch_up(self) -> None:
        """It is never behind."""


class CallbackLife:
    """One life of the callback agent."""

    def __init__(self, world: "CallbackWorld") -> None:
        self.life = life = Life(world.broker, world.random)
        events = AttemptLog(cast("RecordProducer", life))
        self._notifier = Notifier(
            cast("DirectoryView", _View(world.directory)),
            cast("HttpPoster", _Endpoint(life, world)),
            Endpoints(CLOCK.seconds),
            events,
            world.delays,
        )
        self._events = events
        self.first = Member(life, [STATUS], self._take)
        self.later = Member(life, tuple(world.tiers), self._take, wait=wait_in(world.tiers))
        self.members = (self.first, self.later)

    async def begin(self) -> None:
        for member in self.members:
            await member.assign(None)
        self.life.task(self._events.run())

    async def _take(self, works: Sequence[Work]) -> None:
        for work in works:
            item = read(work)
            health = self._notifier.endpoint_for(item)
            if health is not None and isinstance(item, Notification):
                self.life.task(self._notifier(health, item))


class CallbackWorld(World):
    """A history of the callback agent, with its endpoint, and the checks."""

    present: CallbackLife

    def __init__(self, seed: int, delays: tuple[int, ...] = (5, 30, 120)) -> None:
        super().__init__(seed)
        self.delays = delays
        self.tiers = {tier_topic(CALLBACK_RETRY, seconds): seconds for seconds in delays}
        self.topics = (STATUS, *self.tiers)
        self.script: deque[int | None] = deque()
        self.usually: int | None = 200
        self.posted: list[Posted] = []
        self.statuses: list[MessageStatus] = []
        self.directory = Directory()
        trunk = Trunk(
            id=TRUNK_ID,
            account_id=TRUNK_ID,
            name="one",
            callback_url="https://customer.example/",
            credentials=(PasswordVerifier(username="username", version=1, hmac="0" * 64, sealed="", key_id=""),),
            callback_secrets=(CallbackSecret(secret="whsec_" + "c2VjcmV0" * 5 + "c2U="),),
            created_at=CLOCK.now(),
        )
        self.directory.apply(key_of(trunk), trunk.to_bytes())
        self.begin()

    def new_life(self) -> CallbackLife:
        return CallbackLife(self)

    # What may happen.

    def end_a_message(self) -> None:
        """Delivery writes a status."""
        now = CLOCK.now()
        status = MessageStatus(
            message_id=str(UUID(int=len(self.statuses) + 1)), trunk_id=TRUNK_ID, stage=StatusStage.PROCESSING,
            status="Success", source="12125551234", destination="15551234567", accepted_at=now, ended_at=now,
        )  # fmt: skip
        self.statuses.append(status)
        self.broker.append([OutRecord(STATUS, status.message_id.encode(), status.to_bytes())])

    def settle(self) -> None:
        """Let everything come to its end."""
        self.script.clear()
        self.thaw()
        for _ in range(SETTLES_WITHIN):
            self.run(5)
            if self.busy:
                self.loop.jump(0.05)  # for those who pause
                continue
            if not self.broker.open(self.topics):
                return
            self.commit(15)
            self.check()
            waits = self.present.later.seconds_to_next()
            if waits and not any(it.unfinished for it in self.present.members):
                self.loop.jump(waits)
        raise AssertionError(f"stuck: {self.broker.open(self.topics)}, {self.present.life.failure!r}")

    # What must hold.

    def attempts(self) -> dict[str, list[CallbackAttempt]]:
        """Return the events of each notification, in order."""
        found: dict[str, list[CallbackAttempt]] = defaultdict(list)
        for record in self.broker.log(CALLBACK_ATTEMPTED):
            event = CallbackAttempt.from_bytes(record.value)
            found[event.webhook_id].append(event)
        return found

    def letters(self) -> set[str]:
        """Return the webhook-ids of dead letters."""
        found = set()
        for topic in {dead_letter_topic(it) for it in self.topics}:
            for record in self.broker.log(topic):
                value = record.value
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
        chains: dict[str, int] = defaultdict(int)
        for topic, _, record in self.broker.open(self.topics):
            status = (
                MessageStatus.from_bytes(record.value)
                if topic == STATUS
                else WaitingNotification.from_bytes(record.value).status
            )
            chains[status.webhook_id] += 1
        accepted = {it.webhook_id for it in self.posted if it.status is not None and 200 <= it.status < 300}
        letters = self.letters()
        for status in self.statuses:
            identity = status.webhook_id
            assert chains[identity] <= 1, f"the chain of {identity} has forked"
            assert chains[identity] == 1 or identity in accepted | letters, f"the chain of {identity} has ended"

    def check_the_end(self) -> None:
        """Hold when all is settled: unique attempts, in due order, and none before it is due."""
        self.check()
        for identity, events in self.attempts().items():
            failed = [it.attempt for it in events if it.outcome is AttemptOutcome.FAILED]
            assert failed == sorted(set(failed)), f"attempts of {identity} are not unique: {failed}"
        for topic, delay in self.tiers.items():
            self._check_order(topic, delay)
        self._check_times()

    def _check_order(self, topic: str, delay_seconds: int) -> None:
        """Due order, but for what was decided earlier and written later, because something before it still hung."""
        latest = 0.0
        for record in self.broker.log(topic):
            due = WaitingNotification.from_bytes(record.value).due_at.timestamp()
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
                waiting = WaitingNotification.from_bytes(record.value)
                span = (record.timestamp_ms / 1000, waiting.due_at.timestamp())
                waits[waiting.status.webhook_id, waiting.attempt].append(span)
        zero = CLOCK.now().timestamp() - CLOCK.seconds()
        for identity, events in self.attempts().items():
            for event in events:
                at = event.at.timestamp()
                if (identity, round(at - zero, 3)) in owners:
                    for began, due in waits[identity, event.attempt]:
                        assert not began + 0.001 < at < due - 0.001, f"{identity} came too early"
