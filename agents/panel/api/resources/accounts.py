"""/v3/accounts."""

from typing import Annotated, Final, Literal

from pydantic import Field

from agents.panel.api.call import Call, Query, Reply
from agents.panel.api.jsonapi import Name, RequestModel, Resource, resource
from agents.panel.api.resources.limits import Limits, ShownLimits, given_limits, shown_limits
from agents.panel.api.route import EntryResources, created
from agents.panel.operations.accounts import ACCOUNT_ORDERS, Accounts
from agents.panel.operations.actor import Permission
from agents.panel.operations.operations import Operations
from schemas.directory.account import Account, NumberCheck
from schemas.directory.limits import LIMITS
from schemas.identifiers import Uuid

Check = Annotated[NumberCheck, Field(strict=False)]


class AccountAttributes(Limits):
    """A new account."""

    name: Name
    blocked: bool = False
    number_check: Check = NumberCheck.PLAN
    store_texts: bool = False


class AccountChanges(AccountAttributes):
    """What changes of an account."""

    name: Name = ""


class NewAccount(RequestModel):
    """Body of POST /v3/accounts."""

    type: Literal["accounts"]
    attributes: AccountAttributes


class ChangedAccount(RequestModel):
    """Body of PATCH /v3/accounts/{id}."""

    type: Literal["accounts"]
    id: Uuid
    attributes: AccountChanges


class ShownAccountAttributes(ShownLimits):
    """An account."""

    name: str
    blocked: bool
    number_check: NumberCheck
    store_texts: bool


POINTERS: Final = {name: f"attributes/{name}" for name in AccountAttributes.model_fields}


class AccountResources(EntryResources[Account]):
    """Accounts; everybody sees the own one."""

    kind = "accounts"
    name = noun = "account"
    see = Permission.SEE
    change = Permission.OPERATE
    new = NewAccount
    changed = ChangedAccount
    shown = ShownAccountAttributes
    query = Query({"name": "text"}, ACCOUNT_ORDERS)
    pointers = POINTERS

    def area(self, operations: Operations) -> Accounts:
        """Return the operations on accounts."""
        return operations.accounts

    def resource(self, entry: Account) -> Resource:
        """Return an account."""
        attributes = ShownAccountAttributes(
            name=entry.name,
            blocked=entry.blocked,
            number_check=entry.checks,
            store_texts=entry.keeps_text,
            **shown_limits(entry),
        )
        return resource(self.kind, entry.id, attributes)

    async def create(self, call: Call) -> Reply:
        """Create."""
        wanted: NewAccount = call.body.data
        given = wanted.attributes
        account = await call.operations.accounts.create(
            call.actor,
            given.name,
            blocked=given.blocked,
            number_check=given.number_check,
            store_texts=given.store_texts,
            limits=given_limits(given.given()),
        )
        entry, version = call.operations.accounts.get(call.actor, account.id)
        return created(self.resource(entry), version)

    async def update(self, call: Call) -> Reply:
        """Change what is given."""
        wanted: ChangedAccount = call.body.data
        given = wanted.attributes.given()
        return self.current(
            *await call.operations.accounts.update(
                call.actor,
                call.identity,
                **{name: value for name, value in given.items() if name not in LIMITS},
                limits=given_limits(given),
                expected_version=call.expected,
            )
        )


ROUTES: Final = AccountResources().routes()
