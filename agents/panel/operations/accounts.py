"""Accounts of customers, which operators make, change and remove."""

from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice, natural
from agents.panel.operations.limits import LimitSettings
from schemas.directory.account import Account, NumberCheck
from schemas.identifiers import uuid7

_ORDERS: Final = {"name": lambda it: natural(it.name), "blocked": lambda it: it.blocked}
ACCOUNT_ORDERS: Final = tuple(_ORDERS)
"""What accounts can be sorted by; a minus before it reverses."""


class Accounts:
    """Everybody sees the own account, operators see and change all of them."""

    def __init__(self, access: Access, changes: Changes) -> None:
        self._access = access
        self._changes = changes

    def list(self, actor: Actor, *, name: str = "", paging: Paging = FIRST_PAGE) -> Slice[Account]:
        """Return the accounts whose name contains `name`; a customer's only account is the own one."""
        actor.must(Permission.SEE)
        found = [
            it
            for it in self._access.directory.entries(Account)
            if actor.sees(it.id) and name.casefold() in it.name.casefold()
        ]
        return paging.cut_sorted(found, _ORDERS)

    def get(self, actor: Actor, account_id: str) -> tuple[Account, int]:
        """Return an account and its version. Raises `NotFound`."""
        actor.must(Permission.SEE)
        account = self._access.account(actor, account_id)
        return account, self._changes.version(account)

    def only(self) -> str | None:
        """Return the id of the account when there is exactly one."""
        return self._access.only_account()

    async def create(
        self,
        actor: Actor,
        name: str,
        *,
        blocked: bool = False,
        number_check: NumberCheck = NumberCheck.PLAN,
        store_texts: bool = False,
        limits: LimitSettings | None = None,
    ) -> Account:
        """Create an account."""
        actor.must(Permission.OPERATE)
        account = Account.model_construct(
            id=uuid7(),
            name=name.strip(),
            blocked=blocked,
            number_check=number_check.written,
            store_texts=store_texts or None,
            **(limits or {}),
        )
        await self._changes.create(actor, "account.created", account)
        return account

    async def update(
        self,
        actor: Actor,
        account_id: str,
        *,
        name: str | None = None,
        blocked: bool | None = None,
        number_check: NumberCheck | None = None,
        store_texts: bool | None = None,
        limits: LimitSettings | None = None,
        expected_version: int | None = None,
    ) -> tuple[Account, int]:
        """Change what is given of an account; return it and its new version.

        The messages of a blocked one are refused with code_id 7. Raises `Conflict` and `RuleViolated`.
        """
        actor.must(Permission.OPERATE)
        given: dict[str, object] = dict(limits or {})
        if name is not None:
            given["name"] = name.strip()
        if blocked is not None:
            given["blocked"] = blocked
        if number_check is not None:
            given["number_check"] = number_check.written
        if store_texts is not None:
            given["store_texts"] = store_texts or None
        await self._changes.update(
            actor,
            "account.updated",
            lambda: self.get(actor, account_id)[0],
            lambda it: it.model_copy(update=given),
            expected_version,
        )
        return self.get(actor, account_id)

    async def delete(self, actor: Actor, account_id: str, expected_version: int | None = None) -> None:
        """Remove an account. Raises `RuleViolated` while it has trunks, DIDs, users, API keys or routes."""
        actor.must(Permission.OPERATE)
        await self._changes.remove(actor, "account.removed", lambda: self.get(actor, account_id)[0], expected_version)
