"""Which entries an actor sees, and which account a list or a new entry is about."""

from itertools import islice
from typing import TypeVar

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.errors import NotFound
from agents.panel.operations.ports import DirectoryStore
from pipeline.directory.model import Directory
from pipeline.errors import RuleViolated
from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.people import ApiKey, PanelRole, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk

Entry = TypeVar("Entry", Account, Did, Sender, Campaign, Trunk, Carrier, Profile, Route, PanelUser, ApiKey)


class Access:
    """Operators see everything, everybody else what belongs to the own account."""

    def __init__(self, store: DirectoryStore) -> None:
        self._store = store

    @property
    def directory(self) -> Directory:
        """The directory as it is; who may see which of its entries is for the methods to say."""
        return self._store.directory

    def scope(self, actor: Actor, account_id: str | None) -> str | None:
        """Return the account that a list is about: the actor's own; for operators `account_id`, None being all."""
        if not actor.is_operator:
            if account_id not in (None, actor.account_id):
                raise NotFound("There is no such account.")
            return actor.account_id
        if account_id is not None and self.directory.account(account_id) is None:
            raise NotFound("There is no such account.")
        return account_id

    def one_account(self, actor: Actor, account_id: str | None) -> str:
        """Return the account that a new entry is for. Raises `RuleViolated` when an operator names none of several."""
        found = self.scope(actor, account_id)
        if found is None:
            found = self.only_account()
        if found is None:
            raise RuleViolated([("account_id", "choose an account")])
        return found

    def account_of_role(self, actor: Actor, role: PanelRole, account_id: str | None) -> str | None:
        """Return the account of a new user or key with `role`; only an operator makes operators, who have none."""
        if role is PanelRole.OPERATOR:
            actor.must(Permission.OPERATE)
            return None
        return self.one_account(actor, account_id)

    def account(self, actor: Actor, account_id: str) -> Account:
        """Return an account that the actor may see. Raises `NotFound`."""
        found = self.directory.account(account_id)
        if found is None or not actor.sees(account_id):
            raise NotFound("There is no such account.")
        return found

    def only_account(self) -> str | None:
        """Return the account when there is exactly one: nobody needs to say which is meant."""
        accounts = tuple(islice(self.directory.entries(Account), 2))
        return accounts[0].id if len(accounts) == 1 else None

    def seen(self, actor: Actor, entry: Entry | None, what: str) -> Entry:
        """Return `entry` when the actor may see it; else it is not there."""
        if entry is not None and actor.sees(getattr(entry, "account_id", None)):
            return entry
        raise NotFound(f"There is no such {what}.")

    def trunk(self, actor: Actor, trunk_id: str) -> Trunk:
        """Return a trunk in service. One that was deleted is not there any more."""
        trunk = self.seen(actor, self.directory.trunk(trunk_id), "trunk")
        if trunk.deleted_at is not None:
            raise NotFound("There is no such trunk.")
        return trunk
