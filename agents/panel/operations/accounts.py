"""Accounts, for operators; and the audit log, of which everybody sees the own account's part."""

from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.desk import Desk, places_of
from agents.panel.operations.errors import NotFound
from agents.panel.operations.slices import Slice, cut, natural, ordered
from pipeline.directory.rules import Removal
from schemas.directory.account import Account
from schemas.directory.audit import AuditEvent
from schemas.identifiers import uuid7

_ORDER: Final = {"name": lambda it: natural(it.name), "blocked": lambda it: it.blocked}
ACCOUNT_ORDERS: Final = tuple(_ORDER)


class Accounts(Desk):
    """Customers' accounts."""

    def list_accounts(
        self, actor: Actor, *, name: str = "", sort: str = "name", page: int = 1, size: int = 50
    ) -> Slice[Account]:
        """Return the accounts whose name contains `name`; a customer's only account is the own one."""
        actor.must(Permission.SEE)
        found = [
            it
            for it in self.directory.entries(Account)
            if (actor.is_operator or it.id == actor.account_id) and name.casefold() in it.name.casefold()
        ]
        return cut(ordered(found, sort, _ORDER, "name"), page, size)

    def account(self, actor: Actor, account_id: str) -> tuple[Account, int]:
        """Return an account and its version."""
        actor.must(Permission.SEE)
        account = self.directory.account(account_id)
        if account is None or not (actor.is_operator or actor.account_id == account_id):
            raise NotFound("There is no such account.")
        return account, self.version(account)

    async def create_account(self, actor: Actor, name: str) -> Account:
        """Create an account."""
        actor.must(Permission.OPERATE)
        account = Account.model_construct(id=uuid7(), name=name.strip())
        async with self._changing:
            with places_of(account):
                await self._save(actor, "account.created", account)
        return account

    async def update_account(
        self,
        actor: Actor,
        account_id: str,
        *,
        name: str | None = None,
        blocked: bool | None = None,
        expected_version: int | None = None,
    ) -> tuple[Account, int]:
        """Rename or block an account; the messages of a blocked one are refused with code_id 7."""
        actor.must(Permission.OPERATE)
        async with self._changing:
            before, _ = self.account(actor, account_id)
            self._expect(before, expected_version)
            update: dict[str, object] = {} if name is None else {"name": name.strip()}
            if blocked is not None:
                update["blocked"] = blocked
            changed = before.model_copy(update=update)
            with places_of(changed):
                await self._save(actor, "account.updated", changed)
        return self.account(actor, account_id)

    async def delete_account(self, actor: Actor, account_id: str, expected_version: int | None = None) -> None:
        """Remove an account. Raises `RuleViolated` while it has trunks, DIDs, users or API keys."""
        actor.must(Permission.OPERATE)
        async with self._changing:
            before, _ = self.account(actor, account_id)
            self._expect(before, expected_version)
            await self._save(actor, "account.removed", Removal(Account, account_id))

    def list_audit_events(
        self,
        actor: Actor,
        *,
        account_id: str | None = None,
        text: str = "",
        page: int = 1,
        size: int = 50,
    ) -> Slice[AuditEvent]:
        """Return the newest events first; those whose actor, action, target or address contains `text`."""
        actor.must(Permission.SEE)
        account_id, wanted = self.scope(actor, account_id), text.strip().casefold()
        found = [
            event
            for event in self._tools.audit.newest()
            if (account_id is None or event.account_id == account_id)
            and (not wanted or any(wanted in (it or "").casefold() for it in _searched(event)))
        ]
        return cut(found, page, size)


def _searched(event: AuditEvent) -> tuple[str | None, ...]:
    return event.actor, event.action, event.target, event.target_name, event.ip
