"""Senders: the names and short codes that an account has besides its numbers."""

from collections.abc import Sequence
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice, natural
from schemas.directory.sender import Sender
from schemas.identifiers import uuid7

_ORDERS: Final = {"address": lambda it: natural(it.address)}
SENDER_ORDERS: Final = tuple(_ORDERS)
"""What senders can be sorted by; a minus before it reverses."""


class Senders:
    """Everybody sees the own account's; only operators change them, who know what is registered with carriers."""

    def __init__(self, access: Access, changes: Changes) -> None:
        self._access = access
        self._changes = changes

    def list(
        self, actor: Actor, *, address: str = "", account_id: str | None = None, paging: Paging = FIRST_PAGE
    ) -> Slice[Sender]:
        """Return the senders whose address contains `address`, upper and lower case alike."""
        actor.must(Permission.SEE)
        account_id, wanted = self._access.scope(actor, account_id), address.casefold()
        found = [
            it
            for it in self._access.directory.entries(Sender)
            if (account_id is None or it.account_id == account_id) and wanted in it.address.casefold()
        ]
        return paging.cut_sorted(found, _ORDERS)

    def get(self, actor: Actor, sender_id: str) -> tuple[Sender, int]:
        """Return a sender and its version. Raises `NotFound`."""
        actor.must(Permission.SEE)
        sender = self._access.seen(actor, self._access.directory.get(Sender, sender_id), "sender")
        return sender, self._changes.version(sender)

    async def create(
        self, actor: Actor, address: str, countries: Sequence[str] = (), account_id: str | None = None
    ) -> tuple[Sender, int]:
        """Register a sender for an account; return it and its version. Raises `RuleViolated`."""
        actor.must(Permission.OPERATE)
        owner = self._access.one_account(actor, account_id)
        sender = Sender.model_construct(
            id=uuid7(), account_id=owner, address=address.strip(), countries=_written(countries)
        )
        await self._changes.create(actor, "sender.created", sender)
        return self.get(actor, sender.id)

    async def update(
        self, actor: Actor, sender_id: str, countries: Sequence[str], expected_version: int | None = None
    ) -> tuple[Sender, int]:
        """Say to which countries it may send from now on. Raises `Conflict` and `RuleViolated`."""
        actor.must(Permission.OPERATE)
        await self._changes.update(
            actor,
            "sender.updated",
            lambda: self.get(actor, sender_id)[0],
            lambda it: it.model_copy(update={"countries": _written(countries)}),
            expected_version,
        )
        return self.get(actor, sender_id)

    async def delete(self, actor: Actor, sender_id: str, expected_version: int | None = None) -> None:
        """Take a sender away: what is sent from it is refused from now on."""
        actor.must(Permission.OPERATE)
        await self._changes.remove(actor, "sender.removed", lambda: self.get(actor, sender_id)[0], expected_version)


def _written(countries: Sequence[str]) -> tuple[str, ...] | None:
    return tuple(dict.fromkeys(countries)) or None
