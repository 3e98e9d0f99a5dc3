"""What an owner and an operator want to know first: how messages fare, and what is left to do before the first."""

import asyncio
from dataclasses import dataclass, replace

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.log.questions import LogQuestions
from pipeline.message_log.reading.callback_log import Endpoint, endpoints, has_accepted_callback
from pipeline.message_log.reading.statistics import Statistics, Stretch, has_messages, statistics
from schemas.directory.account import Did
from schemas.directory.trunk import Trunk


@dataclass(frozen=True, slots=True)
class Progress:
    """What an account has of what it needs; None: the log is not there to ask."""

    number: bool
    trunk: bool
    message: bool | None
    callback: bool | None

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do, as far as that is known."""
        return False not in (self.number, self.trunk, self.message, self.callback)


class Overview:
    """Everybody sees the numbers of the own account, operators those of any, and of all together."""

    def __init__(self, access: Access, log: LogQuestions) -> None:
        self._access = access
        self._log = log

    async def statistics(self, actor: Actor, stretch: Stretch) -> Statistics:
        """Count messages. Raises `NotFound` for an account or a trunk of others, `LogUnavailable`."""
        actor.must(Permission.SEE)
        wanted = replace(stretch, account_id=self._access.scope(actor, stretch.account_id))
        if wanted.trunk_id is not None:
            self._access.trunk(actor, wanted.trunk_id)
        return await self._log.ask(lambda it: statistics(it, wanted))

    async def endpoints(self, actor: Actor, stretch: Stretch) -> list[Endpoint]:
        """Return how the endpoints of the same answered, the worst first. Raises as `statistics`."""
        actor.must(Permission.SEE)
        account_id = self._access.scope(actor, stretch.account_id)
        if stretch.trunk_id is None:
            trunk_ids = [it.id for it in self._trunks(account_id)]
        else:
            trunk_ids = [self._access.trunk(actor, stretch.trunk_id).id]
        return await self._log.ask(lambda it: endpoints(it, trunk_ids, stretch.since, stretch.until))

    async def progress(self, actor: Actor, account_id: str, *, asks_log: bool = True) -> Progress:
        """Return what an account has of what it needs to send. Raises `LogUnavailable`, unless the log is not asked."""
        actor.must(Permission.SEE)
        mine = self._access.scope(actor, account_id) or account_id
        trunks = self._trunks(mine)
        number = any(it.account_id == mine and it.p2p_enabled for it in self._access.directory.entries(Did))
        if not asks_log:
            return Progress(number, bool(trunks), None, None)
        ids = [it.id for it in trunks]
        message, callback = await asyncio.gather(
            self._log.ask(lambda it: has_messages(it, mine)), self._log.ask(lambda it: has_accepted_callback(it, ids))
        )
        return Progress(number, bool(trunks), message, callback)

    def _trunks(self, account_id: str | None) -> list[Trunk]:
        trunks = self._access.directory.entries(Trunk)
        return [it for it in trunks if it.deleted_at is None and account_id in (None, it.account_id)]
