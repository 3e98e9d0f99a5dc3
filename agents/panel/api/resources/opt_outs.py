"""/v3/opt_outs."""

from typing import Final, Literal

from agents.panel.api.call import Call, Query, Reply, listing
from agents.panel.api.jsonapi import RequestModel, Resource, Shown, ToAccount, relationship, resource
from agents.panel.api.route import ApiRoute, created, document_of
from agents.panel.operations.actor import Permission
from agents.panel.operations.errors import NotFound
from agents.panel.operations.numbers.opt_outs import OPT_OUT_ORDERS
from pipeline.opt_outs import ListedOptOut
from schemas.address import Msisdn

KIND: Final = "opt_outs"
PATH: Final = f"/v3/{KIND}"


class OptOutAttributes(RequestModel):
    """A number that has opted out."""

    number: Msisdn


class OptOutRelationships(RequestModel):
    """Of what account it wants no messages; only operators need to say so."""

    account: ToAccount | None = None


class NewOptOut(RequestModel):
    """Body of POST /v3/opt_outs."""

    type: Literal["opt_outs"]
    attributes: OptOutAttributes
    relationships: OptOutRelationships = OptOutRelationships()


class ShownOptOutAttributes(Shown):
    """A number, and since which day it has been on the list."""

    number: str
    since: str


POINTERS: Final = {"number": "attributes/number", "account_id": "relationships/account"}


def _resource(account_id: str, it: ListedOptOut) -> Resource:
    attributes = ShownOptOutAttributes(number=it.number, since=it.since.isoformat())
    return resource(KIND, f"{account_id}:{it.number}", attributes, {"account": relationship("accounts", account_id)})


def _named(call: Call) -> tuple[str, str]:
    """Return account and number of an id. Raises `NotFound` for what is none."""
    account_id, colon, number = call.identity.partition(":")
    if not colon:
        raise NotFound("This number has not opted out.")
    return account_id, number


async def _list(call: Call) -> Reply:
    opt_outs = call.operations.opt_outs
    owner = opt_outs.owner(call.actor, call.query.get("account_id"))
    part = opt_outs.list(call.actor, **{**call.query, "account_id": owner})
    return listing(call, PATH, part, [_resource(owner, it) for it in part.items])


async def _create(call: Call) -> Reply:
    wanted: NewOptOut = call.body.data
    account, opt_outs = wanted.relationships.account, call.operations.opt_outs
    owner = opt_outs.owner(call.actor, None if account is None else account.data.id)
    return created(_resource(owner, await opt_outs.add(call.actor, wanted.attributes.number, owner)), None)


async def _retrieve(call: Call) -> Reply:
    account_id, number = _named(call)
    return Reply(200, _resource(account_id, call.operations.opt_outs.get(call.actor, number, account_id)))


async def _delete(call: Call) -> Reply:
    account_id, number = _named(call)
    await call.operations.opt_outs.remove(call.actor, number, account_id)
    return Reply(204)


_ONE: Final = f"{PATH}/{{id}}"

ROUTES: Final = (
    ApiRoute(
        "GET", PATH, _list, "list_opt_outs", Permission.SEE, "List numbers that have opted out", KIND,
        gives=ShownOptOutAttributes, is_list=True, of_one_account=True,
        query=Query({"number": "text", "account_id": "text"}, OPT_OUT_ORDERS),
    ),
    ApiRoute(
        "POST", PATH, _create, "create_opt_out", Permission.MANAGE_OPT_OUTS, "Opt a number out", KIND,
        document_of(NewOptOut), ShownOptOutAttributes, 201, pointers=POINTERS,
    ),
    ApiRoute(
        "GET", _ONE, _retrieve, "retrieve_opt_out", Permission.SEE, "Look up whether a number has opted out", KIND,
        gives=ShownOptOutAttributes,
    ),
    ApiRoute("DELETE", _ONE, _delete, "delete_opt_out", Permission.MANAGE_OPT_OUTS, "Opt a number in again", KIND,
             status=204),
)  # fmt: skip
