"""The Send SMS tool: the third way in, with the same checks as the others; and what became of what it sent."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.audit_trail import AuditTrail
from agents.panel.operations.errors import NotFound
from agents.panel.operations.ports import Clock, Producer
from pipeline.errors import RuleViolated, Unencodable
from pipeline.settings import MessageSettings
from pipeline.steps.admission import Admitted, Problem, admit
from pipeline.steps.authorization import Refusal, authorize
from pipeline.steps.preview import Preview, TextPreview, preview, preview_text
from schemas.address import masked
from schemas.directory.account import NumberCheck
from schemas.directory.trunk import Trunk
from schemas.record import OutRecord
from schemas.status import MessageStatus, StatusStage
from schemas.topics import SUBMITTED

MAX_TRACKED: Final = 10_000
LATE_SECONDS: Final = 3600.0
"""How long after a message's time to live its status is still waited for."""
RECEIPT_SECONDS: Final = 3600.0
"""How long a success is followed for its receipt, which may take days: as long as somebody may look at the window."""


@dataclass(frozen=True, slots=True)
class MessagePreview:
    """What becomes of a message that is still written: `text` as far as it can be encoded, `problem` why it cannot be
    sent; `whole` as soon as source and destination are there too. `carriers`, for operators alone, would take it.
    """

    text: TextPreview | None
    problem: str | None = None
    whole: Preview | None = None
    carriers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageProgress:
    """What is known of a message: `status` is `Queued`, then the contract's words, then the receipt's."""

    message_id: str
    trunk_id: str
    status: str
    code_id: int | None
    reason: str | None
    segments_sent: int
    segments_total: int
    is_final: bool


class SentMessages:
    """The latest messages that this panel sent and their statuses, by message id; the oldest make room.

    A message's first status is waited for at most `patience_seconds`: a submission may end as a dead letter, which has
    none. One whose receipts are awaited is followed on for an hour. `clock` gives seconds that only go forward.
    """

    def __init__(self, patience_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience_seconds
        self._clock = clock
        self._messages: OrderedDict[str, tuple[str, str, list[MessageStatus]]] = OrderedDict()
        self._waited_for: dict[str, float] = {}  # until when
        self._someone_waits = asyncio.Event()

    def add(self, message_id: str, trunk_id: str, account_id: str) -> None:
        """Begin to follow a message, before it is sent: its status may be there before the answer to its sending."""
        self._messages[message_id] = trunk_id, account_id, []
        self._waited_for[message_id] = self._clock() + self._patience
        while len(self._messages) > MAX_TRACKED:
            oldest, _ = self._messages.popitem(last=False)
            self._waited_for.pop(oldest, None)
        self._someone_waits.set()

    def forget(self, message_id: str) -> None:
        """Follow a message no longer: its sending has failed, and nobody has been told its id."""
        self._messages.pop(message_id, None)
        self._waited_for.pop(message_id, None)

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._messages

    def get(self, message_id: str) -> tuple[str, str, list[MessageStatus]] | None:
        """Return a message's trunk, account and statuses so far."""
        return self._messages.get(message_id)

    def note(self, status: MessageStatus) -> None:
        """Take a status of a message that is followed; a repeated stage replaces what it said before.

        A producer chooses the ids of its messages: another trunk's status is none of this message's.
        """
        held = self._messages.get(status.message_id)
        if held is not None and held[0] == status.trunk_id:
            statuses = [*(it for it in held[2] if it.stage is not status.stage), status]
            held[2][:] = sorted(statuses, key=lambda it: it.stage is StatusStage.DELIVERY)
            if held[2][-1].receipts:
                self._waited_for[status.message_id] = self._clock() + min(self._patience, RECEIPT_SECONDS)
            else:
                self._waited_for.pop(status.message_id, None)

    def waits_for(self, message_id: str) -> bool:
        """Tell whether another status of a message is still waited for."""
        return self._waited_for.get(message_id, 0.0) > self._clock()

    @property
    def expect_statuses(self) -> bool:
        """Whether a message waits for one: otherwise nobody needs to read what becomes of messages."""
        now = self._clock()
        while self._waited_for:
            oldest, until = next(iter(self._waited_for.items()))
            if until > now:
                return True
            del self._waited_for[oldest]
        return False

    async def until_expected(self) -> None:
        """Return when a message waits for a status."""
        while not self.expect_statuses:
            self._someone_waits.clear()
            await self._someone_waits.wait()


class Messages:
    """Sending. `sent` is filled here and read by whoever follows the statuses."""

    def __init__(
        self, access: Access, trail: AuditTrail, producer: Producer, clock: Clock, limits: MessageSettings
    ) -> None:
        self._access = access
        self._trail = trail
        self._producer = producer
        self._clock = clock
        self._max_segments = limits.max_segments
        self.sent = SentMessages(limits.time_to_live_seconds + LATE_SECONDS)

    def preview(self, actor: Actor, trunk_id: str, source: str, destination: str, text: str) -> MessagePreview:
        """Return what would become of a message through a trunk, as far as its fields say it; nothing is sent."""
        actor.must(Permission.SEND_SMS)
        trunk, now = self._access.trunk(actor, trunk_id), self._clock()
        admitted = self._admit(trunk, source, destination, text, now)
        if isinstance(admitted, Admitted):
            whole = preview(self._access.directory, admitted, now)
            carriers = tuple(it.carrier.name for it in whole.takers) if actor.can(Permission.OPERATE) else ()
            return MessagePreview(whole.text, None, whole, carriers)
        problem = next((it.detail for it in admitted if it.pointer == "/content"), None) if text else None
        try:
            return MessagePreview(preview_text(text), problem)
        except Unencodable:
            return MessagePreview(None, problem)

    async def send(
        self,
        actor: Actor,
        trunk_id: str,
        source: str,
        destination: str,
        text: str,
        client_reference: str = "",
        tags: Sequence[str] = (),
    ) -> str:
        """Send a message through a trunk; return its id when the broker has it.

        Raises `RuleViolated` with the fields `source`, `destination`, `content`, `client_reference` and `tags`.
        """
        actor.must(Permission.SEND_SMS)
        trunk, now = self._access.trunk(actor, trunk_id), self._clock()
        named = {"client_reference": client_reference or None, "tags": list(tags)}
        admitted = self._admit(trunk, source, destination, text, now, named)
        problems = [(it.pointer.lstrip("/"), it.detail) for it in admitted] if isinstance(admitted, list) else []
        # The processor decides again; who looks at a form should not have to wait for that.
        if source and not any(field == "source" for field, _ in problems):
            decided = authorize(self._access.directory, trunk.id, source, now)
            if isinstance(decided, Refusal):
                problems.append(("source", decided.reason))
        if problems or isinstance(admitted, list):
            raise RuleViolated(problems)
        message_id = admitted.messages[0][0]
        await self._trail.record(
            actor,
            "message.sent",
            account_id=trunk.account_id,
            target=f"message:{message_id}",
            target_name=f"{source} to {masked(destination)}",
        )
        self.sent.add(message_id, trunk.id, trunk.account_id)
        try:
            await self._producer.write([OutRecord(SUBMITTED, trunk.id.encode(), admitted.to_bytes())])
        except BaseException:
            self.sent.forget(message_id)
            raise
        return message_id

    def _admit(
        self,
        trunk: Trunk,
        source: str,
        destination: str,
        text: str,
        now: datetime,
        named: Mapping[str, object] | None = None,
    ) -> Admitted | list[Problem]:
        account = self._access.directory.account(trunk.account_id)
        return admit(
            {"source": source, "destination": destination, "content": text, **(named or {})},
            trunk_id=trunk.id,
            max_segments=self._max_segments,
            now=now,
            number_check=NumberCheck.PLAN if account is None else account.checks,
        )

    def progress(self, actor: Actor, message_id: str) -> MessageProgress:
        """Return what is known of a message that this panel sent since it started."""
        actor.must(Permission.SEE)
        held = self.sent.get(message_id)
        if held is None or not (actor.is_operator or actor.account_id == held[1]):
            raise NotFound("Nothing is known of this message here.")
        trunk_id, _, statuses = held
        if not statuses:
            return MessageProgress(message_id, trunk_id, "Queued", None, None, 0, 0, is_final=False)
        last = statuses[-1]
        return MessageProgress(
            message_id,
            trunk_id,
            last.status,
            int(last.code_id) if last.code_id is not None else None,
            last.reason,
            last.segments_sent,
            last.segments_total,
            is_final=not self.sent.waits_for(message_id),
        )
