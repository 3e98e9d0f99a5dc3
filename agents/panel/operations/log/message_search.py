"""Messages of an account in the log: a page, one with its history, all of them for an export."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import partial
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.errors import NotFound
from agents.panel.operations.log.questions import LogQuestions
from pipeline.message_log.reading.history import MessageHistory
from pipeline.message_log.reading.look_up import find, history_of
from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.reading.search import MAX_SIZE, Cursor, FoundPage, Search, search_page

MAX_EXPORTED: Final = 1_000_000


class MessageSearch:
    """Everybody sees the messages of the own account, operators those of any."""

    def __init__(self, access: Access, log: LogQuestions) -> None:
        self._access = access
        self._log = log

    def _of_account(self, actor: Actor, account_id: str | None, search: Search) -> Search:
        return replace(search, account_id=self._access.one_account(actor, account_id))

    def keeps_text(self, account_id: str | None) -> bool:
        """Tell whether an account's texts may be shown."""
        account = self._access.directory.account(account_id or "")
        return account is not None and account.keeps_text

    async def page(
        self, actor: Actor, account_id: str | None, search: Search, size: int, after: Cursor | None = None
    ) -> FoundPage:
        """Return a page of an account's messages. Raises `RuleViolated`, `LogUnavailable`."""
        actor.must(Permission.SEE)
        wanted = self._of_account(actor, account_id, search)
        return await self._log.ask(lambda it: search_page(it, wanted, size, after))

    async def history(self, actor: Actor, message_id: str, trunk_id: str | None = None) -> MessageHistory:
        """Return the newest message with an id that the actor may see. Raises `NotFound`, `LogUnavailable`."""
        actor.must(Permission.SEE)
        found = await self._log.ask(lambda it: find(it, message_id, trunk_id=trunk_id))
        mine = [it for it in found if actor.sees(it.account_id)]
        if not mine:
            raise NotFound("There is no such message in the log: it may be too old, or too new by a second.")
        return await self._log.ask(lambda it: history_of(it, mine[0]))

    def everything(self, actor: Actor, account_id: str | None, search: Search) -> AsyncGenerator[list[LoggedMessage]]:
        """Yield all messages that a search finds, page by page, `MAX_EXPORTED` at most."""
        actor.must(Permission.SEE)
        return self._pages(self._of_account(actor, account_id, search))

    async def _pages(self, wanted: Search) -> AsyncGenerator[list[LoggedMessage]]:
        after, count = None, 0
        while count < MAX_EXPORTED:
            page = await self._log.ask(partial(search_page, search=wanted, size=MAX_SIZE, after=after))
            if page.entries:
                yield page.entries
            count += len(page.entries)
            if (after := page.after) is None:
                return
