"""The Send SMS tool: the third way in, with the same checks as the others; and what became of what it sent."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.errors import NotFound
from agents.panel.operations.trunk_secrets import TrunkSecrets
from pipeline.errors import RuleViolated, Unencodable
from pipeline.steps.admission import admit, check_content
from pipeline.steps.authorization import Refusal, authorize
from pipeline.steps.segmentation import Estimate, estimate
from schemas.address import masked
from schemas.record import OutRecord
from schemas.status import MessageStatus, StatusStage
from schemas.topics import SUBMITTED

MAX_TRACKED: Final = 10_000


@dataclass(frozen=True, slots=True)
class TextNote:
    """What a text would become: the gateway's own count. `problem` says why it cannot be sent, else it is None."""

    encoding: str
    units: int
    segments: int
    units_left: int
    problem: str | None


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
    """The latest messages that this panel sent and their statuses, by message id; the oldest make room."""

    def __init__(self) -> None:
        self._messages: OrderedDict[str, tuple[str, str, list[MessageStatus]]] = OrderedDict()
        self._without_status: set[str] = set()
        self.expects_statuses = asyncio.Event()
        """Set while a message has none yet: otherwise nobody needs to read what becomes of messages."""

    def add(self, message_id: str, trunk_id: str, account_id: str) -> None:
        """Begin to follow a message."""
        self._messages[message_id] = trunk_id, account_id, []
        self._without_status.add(message_id)
        while len(self._messages) > MAX_TRACKED:
            oldest, _ = self._messages.popitem(last=False)
            self._without_status.discard(oldest)
        self.expects_statuses.set()

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._messages

    def get(self, message_id: str) -> tuple[str, str, list[MessageStatus]] | None:
        """Return a message's trunk, account and statuses so far."""
        return self._messages.get(message_id)

    def note(self, status: MessageStatus) -> None:
        """Take a status of a message that is followed; a repeated stage replaces what it said before."""
        held = self._messages.get(status.message_id)
        if held is not None:
            held[2][:] = [it for it in held[2] if it.stage is not status.stage] + [status]
            self._without_status.discard(status.message_id)
            if not self._without_status:
                self.expects_statuses.clear()


class Messages(TrunkSecrets):
    """Sending. `sent` is filled here and read by whoever follows the statuses."""

    sent: SentMessages

    def estimate(self, text: str) -> TextNote:
        """Return what `text` would become."""
        problem = check_content(text, self._tools.limits.max_segments) if text else None
        try:
            found = estimate(text) if text else None
        except Unencodable:
            return TextNote("none", len(text), 0, 0, problem)
        if found is None:
            return TextNote("GSM-7", 0, 0, 160, None)
        return _note(found, problem)

    async def send_sms(self, actor: Actor, trunk_id: str, source: str, destination: str, text: str) -> str:
        """Send a message through a trunk; return its id when the broker has it.

        Raises `RuleViolated` with the places `source`, `destination` and `content`.
        """
        actor.must(Permission.SEND_SMS)
        trunk, now = self._trunk(actor, trunk_id), self._tools.clock()
        admitted = admit(
            {"source": source, "destination": destination, "content": text},
            trunk_id=trunk.id,
            max_segments=self._tools.limits.max_segments,
            now=now,
        )
        problems = [(it.pointer.lstrip("/"), it.detail) for it in admitted] if isinstance(admitted, list) else []
        # The processor decides again; who looks at a form should not have to wait for that.
        if source and not any(place == "source" for place, _ in problems):
            decided = authorize(self.directory, trunk.id, source, now)
            if isinstance(decided, Refusal):
                problems.append(("source", decided.reason))
        if problems or isinstance(admitted, list):
            raise RuleViolated(problems)
        message_id = admitted.messages[0][0]
        self.sent.add(message_id, trunk.id, trunk.account_id)
        event = self.event(
            actor,
            "message.sent",
            account_id=trunk.account_id,
            target=f"message:{message_id}",
            target_name=f"{source} to {masked(destination)}",
        )
        await self._tools.audit.record(event)
        await self._tools.sender.write([OutRecord(SUBMITTED, trunk.id.encode(), admitted.to_bytes())])
        return message_id

    def message_status(self, actor: Actor, message_id: str) -> MessageProgress:
        """Return what is known of a message that this panel sent since it started."""
        actor.must(Permission.SEE)
        held = self.sent.get(message_id)
        if held is None or not (actor.is_operator or actor.account_id == held[1]):
            raise NotFound("Nothing is known of this message here.")
        trunk_id, _, statuses = held
        if not statuses:
            return MessageProgress(message_id, trunk_id, "Queued", None, None, 0, 0, is_final=False)
        last = statuses[-1]
        trunk = self.directory.trunk(trunk_id)
        waits = last.stage is StatusStage.PROCESSING and last.code_id is None and bool(trunk and trunk.receipts_enabled)
        return MessageProgress(
            message_id,
            trunk_id,
            last.status,
            int(last.code_id) if last.code_id is not None else None,
            last.reason,
            last.segments_sent,
            last.segments_total,
            is_final=not waits,
        )


def _note(found: Estimate, problem: str | None) -> TextNote:
    encoding = {"GSM7": "GSM-7", "UCS2": "UCS-2"}[found.data_coding.name]
    return TextNote(encoding, found.units, found.segments, found.units_left, problem)
