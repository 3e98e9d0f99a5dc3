"""What must hold after every row, whatever was killed: read from outside, with a plain consumer and from the disk.

* Every accepted message has one outcome, is in the carrier's ledger in full when that is `Success`, not at all when it
  is `Canceled`, and is a visible dead letter when nobody knows whether the carrier took it.
* A segment is in the ledger twice only with the same idempotency key at a carrier that honours it, in a row that
  killed between the POST and its outcome; or where the status says `possible_duplicate`.
* Every outcome was called back, correctly signed, with one and the same `webhook-id`.
* A success whose trunk wants receipts has one final status, which was called back in the same way; others have none.
* No chain of attempts forks: no two waiting records, and no two attempts, have the same number.
* Nothing is left over, and what has waited says why.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from schemas.directory.carrier import InDoubtPolicy
from schemas.messages.callback import CallbackAttempt, WaitingNotification
from schemas.messages.mt_message import WaitingMessage
from schemas.messages.status import CodeId, DeliveryName, MessageStatus, StatusName, StatusStage
from schemas.topics import CALLBACK_ATTEMPTED, CALLBACK_RETRY, MT_RETRY, STATUS
from tests.arena.arena import Arena, Sent
from tests.inbox import told_by


class Broken(AssertionError):
    """A promise was not kept; the message says which, one complaint a line."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n" + "\n".join(complaints))
        self.complaints = tuple(complaints)


class Oracle:
    """Judges what became of `sent`, the accepted messages of one row.

    `interrupted` says that the row killed between a POST to the carrier and its outcome. `attempts_repeat` says that it
    killed between an attempt to notify, or the status that asks for one, and the commit: both are then made once more,
    with the same `webhook-id` and number.
    """

    def __init__(
        self, arena: Arena, sent: Sequence[Sent], *, interrupted: bool = False, attempts_repeat: bool = False
    ) -> None:
        self._arena = arena
        self._sent = sent
        self._ids = {it.id for it in sent}
        self._interrupted = interrupted
        self._attempts_repeat = attempts_repeat
        self._complaints: list[str] = []
        self.statuses: defaultdict[str, list[MessageStatus]] = defaultdict(list)
        self.ends: defaultdict[str, list[MessageStatus]] = defaultdict(list)
        """What receipts have made of each message."""
        self.posts: Counter[str] = Counter()
        """How often each segment is in the ledger."""
        self.callbacks: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        """What came to the inbox, by message id."""
        self.waiting_messages: list[WaitingMessage] = []
        self.waiting_notifications: list[WaitingNotification] = []
        self.attempts: list[CallbackAttempt] = []
        self.dead_letters: list[Any] = []

    async def judge(self, limit_seconds: float = 60.0) -> "Oracle":
        """Wait until all is done, and look. Raises `Broken`."""
        left_over = await self._arena.settle(limit_seconds)
        if left_over:
            self._complain(f"left over: {left_over[:10]}")
        await self._read()
        for message in self._sent:
            self._judge_outcome(message)
            self._judge_end(message)
            self._judge_callbacks(message)
        self._judge_ledger()
        self._judge_chains()
        if self._complaints:
            raise Broken(self._complaints)
        return self

    def end_of(self, message: Sent) -> MessageStatus:
        """Return a message's outcome."""
        return self.statuses[message.id][0]

    def _complain(self, complaint: str) -> None:
        self._complaints.append(complaint)

    async def _read(self) -> None:
        arena, ids = self._arena, self._ids
        for record in arena.topics.records(STATUS):
            if (status := status_of(record)) is not None and status.message_id in ids:
                by_stage = self.statuses if status.stage is StatusStage.PROCESSING else self.ends
                by_stage[status.message_id].append(status)
        for record in arena.topics.records(*arena.topics.tiers[MT_RETRY]):
            if _about(record, ids):
                self.waiting_messages.append(WaitingMessage.from_bytes(record.value))
        for record in arena.topics.records(*arena.topics.tiers[CALLBACK_RETRY]):
            if _about(record, ids):
                self.waiting_notifications.append(WaitingNotification.from_bytes(record.value))
        for record in arena.topics.records(CALLBACK_ATTEMPTED):
            if _about(record, ids):
                self.attempts.append(CallbackAttempt.from_bytes(record.value))
        self.dead_letters = [it for it in arena.topics.dead_letters() if _about(it, ids)]
        ours = {it.destination for it in self._sent}
        self._ledger = [it for it in arena.ledger() if it["destination"] in ours]
        self.posts = Counter(it["segment_id"] for it in self._ledger)
        for inbox in {it.trunk.inbox for it in self._sent}:
            for callback in await arena.inbox(inbox):
                for identity in ids & {it.data["id"] for it in told_by(callback)}:
                    self.callbacks[identity].append(callback)

    def _judge_outcome(self, message: Sent) -> None:
        statuses = self.statuses[message.id]
        if not statuses:
            return self._complain(f"lost: {message.id} to {message.destination} has no status")
        if len({(it.status, it.code_id, it.possible_duplicate) for it in statuses}) > 1:
            self._complain(f"two outcomes: {message.id}: {[(it.status, it.code_id) for it in statuses]}")
        status = statuses[0]
        missing = [n for n in range(1, message.segments + 1) if not self.posts[f"{message.id}:{n}"]]
        if status.status == StatusName.SUCCESS:
            if missing:
                self._complain(f"lost: {message.id} is a success, and the carrier has no segment {missing}")
            return None
        if status.status == StatusName.CANCELED:
            if any(self.posts[f"{message.id}:{n}"] for n in range(1, message.segments + 1)):
                self._complain(f"sent and canceled: {message.id}")
            return None
        if not status.reason or status.code_id is None:
            self._complain(f"no reason: {message.id} ended as {status.status}")
        if status.code_id is CodeId.IN_DOUBT and not any(_about(it, {message.id}) for it in self.dead_letters):
            self._complain(f"not visible: {message.id} ended in doubt without a dead letter")
        return None

    def _judge_end(self, message: Sent) -> None:
        ends, statuses = self.ends[message.id], self.statuses[message.id]
        awaited = message.trunk.trunk.receipts_enabled and any(it.status == StatusName.SUCCESS for it in statuses)
        if awaited and not ends:
            self._complain(f"never ended: {message.id} is a success, and no receipt has made anything of it")
        if len(ends) > int(awaited):
            self._complain(f"two ends: {message.id}: {[it.status for it in ends]}")
        for end in ends:
            told = {it.seqnum for it in end.segments or ()}
            if end.status == DeliveryName.DELIVERED and told != set(range(1, message.segments + 1)):
                self._complain(f"delivered without receipts: {message.id} has those of {sorted(told)}")

    def _judge_ledger(self) -> None:
        by_id = {it.id: it for it in self._sent}
        for destination, ids in _grouped((it["destination"], it["message_id"]) for it in self._ledger).items():
            if len(ids) > 1:
                self._complain(f"sent twice in silence: {destination} got the messages {sorted(ids)}")
            if ids - by_id.keys():
                self._complain(f"nobody asked for: {destination} got {sorted(ids - by_id.keys())}")
        for segment_id, keys in _grouped((it["segment_id"], it["idempotency_key"]) for it in self._ledger).items():
            if keys != {segment_id}:
                self._complain(f"wrong key: {segment_id} came with {sorted(map(str, keys))}")
            message = by_id.get(segment_id.rpartition(":")[0])
            if self.posts[segment_id] == 1 or message is None:
                continue
            by_key = self._interrupted and message.policy is InDoubtPolicy.RESEND_WITH_KEY
            if not by_key and not any(it.possible_duplicate for it in self.statuses[message.id]):
                self._complain(f"sent twice in silence: {segment_id}, {self.posts[segment_id]} times")

    def _judge_callbacks(self, message: Sent) -> None:
        callbacks = self.callbacks[message.id]
        statuses = [*self.statuses[message.id], *self.ends[message.id]]
        given_up = any(it.topic.startswith(CALLBACK_RETRY) and _about(it, {message.id}) for it in self.dead_letters)
        names = {it.webhook_id for it in statuses}
        events = [it for callback in callbacks for it in told_by(callback) if it.data["id"] == message.id]
        found = {it.webhook_id for it in events}
        if names - found and not given_up:
            self._complain(f"never called back: {message.id}")
        for callback in callbacks:
            try:
                Webhook(message.trunk.callback_secret).verify(callback["body"], callback["headers"])
            except WebhookVerificationError as error:
                self._complain(f"not signed: {message.id}: {error}")
            ids = [it.webhook_id for it in told_by(callback)]
            if len(set(ids)) < len(ids):
                self._complain(f"twice in one batch: {sorted(ids)}")
        for event in events:
            if event.webhook_id not in names:
                self._complain(f"another webhook-id: {event.webhook_id} for {message.id}")
            told = event.data["attributes"]["status"]
            if told not in {it.status for it in statuses}:
                self._complain(f"told something else: {message.id}: {told}")

    def _judge_chains(self) -> None:
        messages = Counter((it.message.id, it.attempt, it.next_seqnum) for it in self.waiting_messages)
        notifications = Counter((it.status.webhook_id, it.attempt, it.resent_at) for it in self.waiting_notifications)
        for chain in (messages, notifications):
            for place, count in chain.items():
                if count > 1:
                    self._complain(f"chain forked: {count} records wait for {place}")
        if not self._attempts_repeat:
            attempts = Counter((it.webhook_id, it.resent_at, it.attempt) for it in self.attempts)
            for attempt, count in attempts.items():
                if count > 1:
                    self._complain(f"attempt repeated: {attempt}, {count} times")
        reasons = [it.last_error for it in self.waiting_messages] + [it.last_error for it in self.waiting_notifications]
        if not all(reasons):
            self._complain(f"parked without a reason: {reasons.count('')} records")


def _about(record: Any, ids: Collection[str]) -> bool:
    """Tell whether a record names one of these messages."""
    value = (record.value or b"").decode(errors="replace")
    return any(it in value for it in ids)


def status_of(record: Any) -> MessageStatus | None:
    """Return the status that a record holds; None of a poison record of another row."""
    try:
        return MessageStatus.from_bytes(record.value or b"")
    except ValueError:
        return None


def _grouped(pairs: Any) -> dict[str, set[Any]]:
    found: defaultdict[str, set[Any]] = defaultdict(set)
    for name, value in pairs:
        found[name].add(value)
    return found
