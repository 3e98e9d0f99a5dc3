"""What waits for its time, and taking it back: the wish that a message or a bulk be not sent, as ingress writes it."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.audit_trail import AuditTrail
from agents.panel.operations.errors import NotFound
from agents.panel.operations.log.questions import LogQuestions
from agents.panel.operations.ports import Clock, Producer
from pipeline.counted import counted
from pipeline.message_log.reading.cancellations import wishes_of
from pipeline.message_log.reading.history import CancelWish
from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.reading.scheduled import (
    BulkPart,
    ScheduledPage,
    ScheduledSearch,
    messages_of,
    parts_of_bulk,
    scheduled_page,
)  # fmt: skip
from pipeline.message_log.reading.search import Cursor
from schemas.address import masked
from schemas.identifiers import is_uuid
from schemas.messages.cancel_request import CancelRequest
from schemas.record import OutRecord
from schemas.topics import CANCEL_REQUESTED

SHOWN_FOR: Final = timedelta(hours=1)
"""For so long a list has what has become of those that do not wait any more."""
MAX_ASKED: Final = 10_000
_NONE: Final = "There is no such {} in the log: it may be too old, or too new by a second."


class Bulk(NamedTuple):
    """A bulk that was scheduled, of one account; `waiting` of its `messages` do so still."""

    id: str
    trunk_ids: tuple[str, ...]
    account_id: str
    messages: int
    waiting: int


class Scheduled:
    """Everybody sees what the own account has scheduled; who may send may take back.

    Whether that is in time is not known here: whoever has the message decides, and says so in its status.
    """

    def __init__(self, access: Access, trail: AuditTrail, producer: Producer, log: LogQuestions, clock: Clock) -> None:
        self._access = access
        self._trail = trail
        self._producer = producer
        self._log = log
        self._clock = clock
        self._asked: OrderedDict[tuple[str, str, bool], datetime] = OrderedDict()
        """What was asked for here lately: the log has it a moment later, and who has asked looks at once."""

    async def page(
        self,
        actor: Actor,
        account_id: str | None,
        size: int,
        after: Cursor | None = None,
        *,
        trunk_id: str | None = None,
        destinations: Sequence[str] = (),
        bulk_id: str | None = None,
    ) -> ScheduledPage:
        """Return what an account has scheduled, with what has ended lately. Raises `LogUnavailable`.

        `destinations` are parts of numbers, of which any is enough.
        """
        actor.must(Permission.SEE)
        search = ScheduledSearch(
            self._access.one_account(actor, account_id), self._clock() - SHOWN_FOR, trunk_id, tuple(destinations),
            bulk_id,
        )  # fmt: skip
        page = await self._log.ask(lambda it: scheduled_page(it, search, size, after))
        return page._replace(wishes=self._with_asked(page.entries, page.wishes))

    async def told(self, actor: Actor, message_id: str) -> tuple[LoggedMessage, CancelWish | None]:
        """Return a message, and since when it is to be cancelled. Raises `NotFound`, `LogUnavailable`."""
        found = await self.messages(actor, [message_id])
        wishes = self._with_asked(found, await self._log.ask(lambda it: wishes_of(it, found)))
        return found[0], wishes.get((found[0].id, found[0].trunk_id))

    def _with_asked(
        self, entries: Iterable[LoggedMessage], wishes: Mapping[tuple[str, str], CancelWish]
    ) -> dict[tuple[str, str], CancelWish]:
        found = dict(wishes)
        for it in entries:
            about = ((it.id, False), (it.bulk_id or "", True))
            for identity, is_bulk in about:
                if (at := self._asked.get((it.trunk_id, identity, is_bulk))) is not None:
                    found.setdefault((it.id, it.trunk_id), CancelWish(at, is_bulk))
        return found

    async def messages(self, actor: Actor, ids: Sequence[str]) -> list[LoggedMessage]:
        """Return messages by their ids, the newest of each. Raises `NotFound` for one of others, `LogUnavailable`."""
        actor.must(Permission.SEE)
        wanted = list(dict.fromkeys(ids))
        found: dict[str, LoggedMessage] = {}
        if wanted and all(map(is_uuid, wanted)):
            for it in await self._log.ask(lambda connection: messages_of(connection, wanted)):
                known = found.get(it.id)
                if _is_of(actor, it.account_id) and (known is None or known.accepted_at < it.accepted_at):
                    found[it.id] = it
        if not wanted or len(found) < len(wanted):
            raise NotFound(_NONE.format("message"))
        return [found[it] for it in wanted]

    async def bulk(self, actor: Actor, bulk_id: str) -> Bulk:
        """Return a bulk that was scheduled. Raises `NotFound`, `LogUnavailable`."""
        actor.must(Permission.SEE)
        parts: list[BulkPart] = []
        if is_uuid(bulk_id):
            everybodys = await self._log.ask(lambda it: parts_of_bulk(it, bulk_id))
            parts = [it for it in everybodys if _is_of(actor, it.account_id)]
        account_id = min((it.account_id for it in parts if it.account_id is not None), default=None)
        if account_id is None:
            raise NotFound(_NONE.format("bulk"))
        mine = [it for it in parts if it.account_id == account_id]
        trunk_ids = tuple(sorted({it.trunk_id for it in mine}))
        return Bulk(bulk_id, trunk_ids, account_id, len(mine), sum(it.waits for it in mine))

    async def cancel(self, actor: Actor, ids: Sequence[str]) -> list[LoggedMessage]:
        """Ask that messages be not sent; return them as they were known.

        Raises `NotFound` when one of them is not the actor's, and then asks for none; `LogUnavailable`, `BrokerError`.
        """
        actor.must(Permission.SEND_SMS)
        found = await self.messages(actor, ids)
        for account_id in dict.fromkeys(it.account_id for it in found):
            mine = [it for it in found if it.account_id == account_id]
            one = mine[0] if len(mine) == 1 else None
            await self._trail.record(
                actor,
                "message.cancel_requested",
                account_id=account_id,
                target=None if one is None else f"message:{one.id}",
                target_name=f"{len(mine)} messages" if one is None else f"{one.source} to {masked(one.destination)}",
            )
        await self._ask((it.trunk_id, it.id) for it in found)
        return found

    async def cancel_bulk(self, actor: Actor, bulk_id: str) -> Bulk:
        """Ask that whatever still waits of a bulk be not sent; return it as it was known.

        Raises `NotFound`, `LogUnavailable`, `BrokerError`.
        """
        actor.must(Permission.SEND_SMS)
        found = await self.bulk(actor, bulk_id)
        await self._trail.record(
            actor,
            "bulk.cancel_requested",
            account_id=found.account_id,
            target=f"bulk:{bulk_id}",
            target_name=counted(found.messages, "message"),
        )
        await self._ask(((it, bulk_id) for it in found.trunk_ids), bulk=True)
        return found

    async def _ask(self, meant: Iterable[tuple[str, str]], *, bulk: bool | None = None) -> None:
        at = self._clock()
        wishes = [CancelRequest(trunk_id=of, id=identity, bulk=bulk, requested_at=at) for of, identity in meant]
        await self._producer.write(OutRecord(CANCEL_REQUESTED, it.trunk_id.encode(), it.to_bytes()) for it in wishes)
        for it in wishes:
            self._asked[it.trunk_id, it.id, it.bulk is True] = at
        while len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)


def _is_of(actor: Actor, account_id: str | None) -> bool:
    return account_id is not None and actor.sees(account_id)
