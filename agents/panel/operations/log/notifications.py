"""A trunk's attempts to notify, how they went, and sending notifications again, from what the log knows of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.audit_trail import AuditTrail
from agents.panel.operations.log.questions import LogQuestions
from agents.panel.operations.ports import Clock, Producer
from pipeline.callbacks.notification import is_wanted
from pipeline.callbacks.resend import obstacle, resends
from pipeline.errors import RuleViolated
from pipeline.message_log.reading.callback_log import (
    AttemptPage,
    AttemptSearch,
    Performance,
    attempts_page,
    failing_trunks,
    performance,
)  # fmt: skip
from pipeline.message_log.reading.look_up import find
from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.reading.search import MAX_SIZE, Cursor
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.messages.status import CodeId, DeliveryName, MessageStatus, StatusName, StatusStage

MAX_RESENT: Final = 10_000
"""Of one request."""
TEST_NUMBER: Final = "15550000000"
"""Source and destination of a test event; nobody has this number."""
_TESTS: Final = (
    (StatusStage.PROCESSING, StatusName.SUCCESS),
    (StatusStage.PROCESSING, StatusName.FAILED),
    (StatusStage.DELIVERY, DeliveryName.DELIVERED),
    (StatusStage.DELIVERY, DeliveryName.UNKNOWN),
)
"""What a test event can say: the first of these that the trunk has chosen to hear of."""
_NOTHING: Final = "Nothing was sent again: {}."
FAILS_WITHIN: Final = timedelta(days=1)


class Notifications:
    """Who may see a trunk may see how its customer was told; who may send messages may tell it again."""

    def __init__(
        self,
        access: Access,
        trail: AuditTrail,
        producer: Producer,
        log: LogQuestions,
        clock: Clock,
        delays_seconds: Sequence[int],
    ) -> None:
        self._access = access
        self._trail = trail
        self._producer = producer
        self._log = log
        self._clock = clock
        self._delays = delays_seconds

    async def attempts(
        self, actor: Actor, search: AttemptSearch, size: int, after: Cursor | None = None
    ) -> AttemptPage:
        """Return a page of a trunk's attempts. Raises `NotFound`, `LogUnavailable`."""
        actor.must(Permission.SEE)
        self._access.trunk(actor, search.trunk_id)
        return await self._log.ask(lambda it: attempts_page(it, search, size, after))

    async def performance(self, actor: Actor, search: AttemptSearch) -> Performance:
        """Return how the attempts went that a search finds. Raises `NotFound`, `LogUnavailable`."""
        actor.must(Permission.SEE)
        self._access.trunk(actor, search.trunk_id)
        return await self._log.ask(lambda it: performance(it, search))

    async def failing(self, actor: Actor, trunk_ids: Sequence[str]) -> set[str]:
        """Return those of the trunks whose newest attempt of the last day failed. Raises `LogUnavailable`."""
        actor.must(Permission.SEE)
        now, known = self._clock(), (self._access.directory.trunk(it) for it in trunk_ids)
        seen = [it.id for it in known if it is not None and actor.sees(it.account_id)]
        return await self._log.ask(lambda it: failing_trunks(it, seen, now, FAILS_WITHIN))

    async def resend(self, actor: Actor, trunk_id: str, message_id: str) -> int:
        """Send a message's notifications again; return how many. Raises `RuleViolated` when nobody can be notified."""
        trunk = self._known(actor, trunk_id)
        found = await self._log.ask(lambda it: find(it, message_id, trunk_id=trunk_id))
        statuses = [status for it in found[:1] for status in statuses_of(it, receipts=trunk.receipts_enabled)]
        if not statuses:
            raise RuleViolated([("", "This message has no outcome yet: there is nothing to tell.")])
        statuses = [it for it in statuses if is_wanted(trunk, it)]
        if not statuses:
            raise RuleViolated([("", "The trunk has not chosen to hear of what became of this message.")])
        if (why := obstacle(trunk, statuses[0])) is not None:
            raise RuleViolated([("", _NOTHING.format(why))])
        await self._write(actor, trunk, statuses, f"message {message_id}")
        return len(statuses)

    async def send_test(self, actor: Actor, trunk_id: str) -> str:
        """Send a notification of a message that does not exist; return its id. Raises `RuleViolated`."""
        trunk, now = self._open(actor, trunk_id), self._clock()
        possible = (
            MessageStatus(
                message_id=uuid7(), trunk_id=trunk.id, account_id=trunk.account_id, stage=stage, status=name,
                source=TEST_NUMBER, destination=TEST_NUMBER, accepted_at=now, ended_at=now,
            )
            for stage, name in _TESTS
            if stage is StatusStage.PROCESSING or trunk.receipts_enabled
        )  # fmt: skip
        status = next((it for it in possible if is_wanted(trunk, it)), None)
        if status is None:
            raise RuleViolated([("", "The trunk hears only of delivery receipts, and these are switched off.")])
        await self._write(actor, trunk, [status], "a test event")
        return status.message_id

    async def resend_found(self, actor: Actor, search: AttemptSearch) -> int:
        """Send the notifications again whose attempts a search finds, each once; return how many they are.

        Raises `RuleViolated` when nobody can be notified, or there are more than `MAX_RESENT`.
        """
        trunk = self._known(actor, search.trunk_id)
        wanted: dict[tuple[str, str], None] = {}
        after: Cursor | None = None
        while True:
            page = await self._log.ask(partial(attempts_page, search=search, size=MAX_SIZE, after=after))
            wanted |= dict.fromkeys((it.message_id, it.stage) for it in page.attempts)
            if len(wanted) > MAX_RESENT:
                raise RuleViolated([("", f"More than {MAX_RESENT:,} notifications: choose a shorter time.")])
            if (after := page.after) is None:
                break
        statuses: list[MessageStatus] = []
        for message_id in dict.fromkeys(it for it, _ in wanted):
            found = await self._log.ask(partial(find, message_id=message_id, trunk_id=trunk.id))
            statuses += [
                status
                for it in found[:1]
                for status in statuses_of(it, receipts=trunk.receipts_enabled)
                if (message_id, status.stage.value) in wanted and is_wanted(trunk, status)
            ]
        if (why := obstacle(trunk)) is not None and not any(it.callback_url for it in statuses):
            raise RuleViolated([("", _NOTHING.format(why))])
        statuses = [it for it in statuses if obstacle(trunk, it) is None]
        if statuses:
            await self._write(actor, trunk, statuses, f"{len(statuses)} notifications")
        return len(statuses)

    def _known(self, actor: Actor, trunk_id: str) -> Trunk:
        actor.must(Permission.MANAGE_TRUNKS)
        return self._access.trunk(actor, trunk_id)

    def _open(self, actor: Actor, trunk_id: str) -> Trunk:
        trunk = self._known(actor, trunk_id)
        if (why := obstacle(trunk)) is not None:
            raise RuleViolated([("", _NOTHING.format(why))])
        return trunk

    async def _write(self, actor: Actor, trunk: Trunk, statuses: Sequence[MessageStatus], about: str) -> None:
        await self._trail.record(
            actor, "callback.resent", account_id=trunk.account_id, target=f"trunk:{trunk.id}",
            target_name=f"{trunk.name}: {about}",
        )  # fmt: skip
        await self._producer.write(resends(statuses, self._delays, self._clock()))


def statuses_of(message: LoggedMessage, *, receipts: bool) -> list[MessageStatus]:
    """Return the statuses of a message that its customer is told of, as they lie in `sms.mt.status`."""
    found = []
    if message.status is not None:
        processed = _status(message, message.status, message.ended_at)
        code_id = None if message.code_id is None else CodeId(message.code_id)
        of_text = {
            "text_changes": message.text_changes or None,
            "national_language": message.national_language,
        }
        found.append(processed.model_copy(update={"code_id": code_id, "reason": message.reason, **of_text}))
    if message.delivery_status is not None and receipts:
        delivered = _status(message, message.delivery_status, message.delivery_ended_at)
        found.append(delivered.model_copy(update={"stage": StatusStage.DELIVERY, "reason": message.delivery_reason}))
    return found


def _status(message: LoggedMessage, status: str, ended_at: datetime | None) -> MessageStatus:
    return MessageStatus(
        message_id=message.id,
        trunk_id=message.trunk_id,
        account_id=message.account_id,
        stage=StatusStage.PROCESSING,
        status=status,
        source=message.source,
        destination=message.destination,
        accepted_at=message.accepted_at,
        ended_at=ended_at or message.accepted_at,
        segments_total=message.segments or 0,
        segments_sent=message.segments_sent,
        price_per_segment=message.price_per_segment,
        currency=message.currency,
        carrier_id=message.carrier_id,
        possible_duplicate=message.possible_duplicate or None,
        client_reference=message.client_reference,
        campaign_id=message.campaign_id,
        tags=message.tags or None,
        callback_url=message.callback_url,
    )
