"""The Send SMS tool: the third way in, with the same checks as the others; and what became of what it sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.audit_trail import AuditTrail
from agents.panel.operations.errors import NotFound
from agents.panel.operations.ports import Clock, Producer
from agents.panel.operations.sent_messages import SentMessages
from pipeline.carriers.profiles.book import ProfileBook
from pipeline.errors import RuleViolated, Unencodable
from pipeline.settings import MessageSettings
from pipeline.steps.admission.attributes import Problem
from pipeline.steps.admission.request import Admitted, Terms, admit
from pipeline.steps.authorization import Refusal, authorize
from pipeline.steps.preview import Preview, TextPreview, preview, preview_text
from pipeline.tracing.spans import MESSAGE_ID, UNTRACED, SpanKind, Tracing, handed_on
from schemas.address import masked
from schemas.directory.account import NumberCheck
from schemas.directory.carrier import Profile
from schemas.directory.trunk import Trunk
from schemas.messages.status import CodeId
from schemas.record import Header, OutRecord
from schemas.text.smart_encoding import SmartEncoding
from schemas.topics import SUBMITTED

LATE_SECONDS: Final = 3600.0
"""How long after a message's time to live its status is still waited for."""


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
    """What is known of a message.

    `status` is `Queued`, or `Scheduled` with `send_at`; then the contract's words, then the receipt's.
    """

    message_id: str
    trunk_id: str
    status: str
    code_id: int | None
    reason: str | None
    segments_sent: int
    segments_total: int
    is_final: bool
    send_at: datetime | None = None


class Messages:
    """Sending. `sent` is filled here and read by whoever follows the statuses."""

    def __init__(
        self,
        access: Access,
        trail: AuditTrail,
        producer: Producer,
        clock: Clock,
        limits: MessageSettings,
        tracing: Tracing = UNTRACED,
    ) -> None:
        self._access = access
        self._trail = trail
        self._producer = producer
        self._clock = clock
        self._tracing = tracing
        self._max_segments = limits.max_segments
        self._alphabets_of = ProfileBook(partial(access.directory.get, Profile)).national_alphabets
        self.sent = SentMessages(limits.time_to_live_seconds + LATE_SECONDS)

    def preview(
        self, actor: Actor, trunk_id: str, source: str, destination: str, text: str, campaign_id: str | None = None
    ) -> MessagePreview:
        """Return what would become of a message through a trunk, as far as its fields say it; nothing is sent."""
        actor.must(Permission.SEND_SMS)
        trunk, now = self._access.trunk(actor, trunk_id), self._clock()
        admitted = self._admit(trunk, source, destination, text, now, {"campaign_id": campaign_id})
        if isinstance(admitted, Admitted):
            whole = preview(self._access.directory, admitted, now, self._alphabets_of)
            carriers = tuple(it.carrier.name for it in whole.takers) if actor.can(Permission.OPERATE) else ()
            return MessagePreview(whole.text, None, whole, carriers)
        problem = next((it.detail for it in admitted if it.pointer == "/content"), None) if text else None
        try:
            return MessagePreview(preview_text(text, trunk.smart_encoding or SmartEncoding.OFF), problem)
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
        *,
        campaign_id: str | None = None,
        send_at: str | None = None,
        validity_period: int | None = None,
    ) -> str:
        """Send a message through a trunk; return its id when the broker has it.

        `send_at` is a time in RFC 3339, `validity_period` in seconds. A trace begins with what can be sent, where
        there are traces. Raises `RuleViolated` with the fields of a request.
        """
        actor.must(Permission.SEND_SMS)
        trunk, now = self._access.trunk(actor, trunk_id), self._clock()
        named = {
            "client_reference": client_reference or None, "tags": list(tags), "campaign_id": campaign_id,
            "send_at": send_at, "validity_period": validity_period,
        }  # fmt: skip
        admitted = self._admit(trunk, source, destination, text, now, named)
        problems = [(it.pointer.lstrip("/"), it.detail) for it in admitted] if isinstance(admitted, list) else []
        # The processor decides again; who looks at a form should not have to wait for that.
        if source and not any(field in ("source", "campaign_id") for field, _ in problems):
            decided = authorize(self._access.directory, trunk.id, source, now, campaign_id)
            if isinstance(decided, Refusal):
                is_campaigns = decided.code_id in (CodeId.CAMPAIGN_NOT_FOUND, CodeId.CAMPAIGN_DOES_NOT_COVER)
                problems.append(("campaign_id" if is_campaigns else "source", decided.reason))
        if problems or isinstance(admitted, list):
            raise RuleViolated(problems)
        message_id = admitted.messages[0][0]
        span = self._tracing.span("send SMS", None, SpanKind.SERVER)
        span.note({MESSAGE_ID: message_id, "smsout.messages": 1})
        try:
            await self._trail.record(
                actor,
                "message.sent",
                account_id=trunk.account_id,
                target=f"message:{message_id}",
                target_name=f"{source} to {masked(destination)}",
            )
            await self._write(admitted, trunk, handed_on(span))
        except BaseException as error:
            span.end(error=type(error).__name__)
            raise
        span.end()
        return message_id

    async def _write(self, admitted: Admitted, trunk: Trunk, headers: tuple[Header, ...]) -> None:
        message_id = admitted.messages[0][0]
        self.sent.add(message_id, trunk.id, trunk.account_id, admitted.send_at)
        try:
            await self._producer.write([OutRecord(SUBMITTED, trunk.id.encode(), admitted.to_bytes(), headers)])
        except BaseException:
            self.sent.forget(message_id)
            raise

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
        terms = Terms(
            trunk.id,
            self._max_segments,
            NumberCheck.PLAN if account is None else account.checks,
            self._access.directory.takes_short_codes(trunk.account_id),
            trunk.smart_encoding,
        )
        return admit({"source": source, "destination": destination, "content": text, **(named or {})}, terms, now)

    def progress(self, actor: Actor, message_id: str) -> MessageProgress:
        """Return what is known of a message that this panel sent since it started."""
        actor.must(Permission.SEE)
        held = self.sent.get(message_id)
        if held is None or not actor.sees(held.account_id):
            raise NotFound("Nothing is known of this message here.")
        trunk_id, _, statuses, send_at = held
        if not statuses:
            is_final = send_at is not None and not self.sent.waits_for(message_id)
            state = "Queued" if send_at is None else "Scheduled"
            return MessageProgress(message_id, trunk_id, state, None, None, 0, 0, is_final, send_at)
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
