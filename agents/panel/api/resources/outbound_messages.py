"""/v3/outbound_messages: the message log of an account, with the filters and the form of the trunks' own port.

And taking back what is scheduled, of which ingress' DELETE is the model.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import ConfigDict, Field

from agents.panel.api.call import API_VERSION, BadQuery, Call, Query, Reply
from agents.panel.api.jsonapi import Resource, Shown, relationship
from agents.panel.api.route import ApiRoute
from agents.panel.operations.actor import Permission
from agents.serving.message_query import FILTERS, BadParameter, read_query
from agents.serving.message_shown import EVENT_KIND, KIND, events, message
from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.reading.search import MAX_SIZE, Search
from schemas.text.smart_encoding import TextChange

PATH: Final = f"/v3/{KIND}"
BULK_KIND: Final = "bulk_outbound_messages"
ACCOUNT: Final = "filter[account_id]"
NOWHERE: Final[Mapping[str, Any]] = {"type": "string"}


class ShownMessageAttributes(Shown):
    """What became of a message."""

    status: str
    code_id: int | None
    reason: str | None
    source: str
    destination: str
    content: str | None
    time_start: str
    end_time: str | None
    encoding: str | None
    fragments: int | None
    fragments_sent: int
    price: float | None
    currency: str | None
    possible_duplicate: bool
    delivery_status: str | None
    delivery_time: str | None
    send_at: str = Field("", description="There where it was scheduled, whatever has become of it since.")
    bulk_id: str = Field("", description="There where it was scheduled in a bulk, which can be cancelled as a whole.")
    client_reference: str = Field("", description="There where the request had one.")
    campaign_id: str = Field("", description="Likewise.")
    tags: list[str] = Field([], description="Likewise.")
    text_changes: list[TextChange] = Field([], description="There where something of the text was changed.")
    national_language: str = Field("", description="There where its tables were used.")
    sent_content: str = Field("", description="What was sent in place of the text, where texts are kept.")


class ShownEventAttributes(Shown):
    """Something that happened to a message; more attributes belong to some of them."""

    model_config = ConfigDict(extra="allow")

    event: str
    time: str
    description: str


class ShownBulkAttributes(Shown):
    """What is known of a bulk that was scheduled."""

    messages: int = Field(description="How many messages it has.")
    scheduled: int = Field(description="How many of them still wait for their time.")


class LogQuery(Query):
    """The filters of the log, and where a page begins."""

    def read(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the account that is asked about, and what is looked for."""
        rest = dict(given)
        account_id = rest.pop(ACCOUNT, None)
        try:
            return {"account_id": account_id, "query": read_query(rest, Search(), by_trunk=True)}
        except BadParameter as error:
            raise BadQuery(error.parameter, str(error)) from None

    def described(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the parameters with their schemas."""
        size = {"type": "integer", "minimum": 1, "maximum": MAX_SIZE}
        return [(name, NOWHERE) for name in (ACCOUNT, *FILTERS, "page[after]")] + [("page[size]", size)]


class NoQuery(Query):
    """Takes no parameter at all."""

    def read(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Refuse whatever there is."""
        for parameter in given:
            raise BadQuery(parameter, "is not a known parameter")
        return {}

    def described(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return nothing."""
        return []


def _resource(call: Call, found: LoggedMessage) -> Resource:
    shown = message(found, keeps_text=call.operations.message_search.keeps_text(found.account_id))
    related = {"sms_trunk": relationship("sms_trunks", found.trunk_id)}
    return {**shown, "relationships": related, "links": {"self": f"{PATH}/{found.id}"}}


async def _list(call: Call) -> Reply:
    query = call.query["query"]
    page = await call.operations.message_search.page(
        call.actor, call.query["account_id"], query.search, query.size, query.after
    )
    links = {"self": _link(call.given)}
    if page.after is not None:
        links["next"] = _link({**call.given, "page[after]": str(page.after)})
    return Reply(200, [_resource(call, it) for it in page.entries], {"api_version": API_VERSION}, links)


async def _retrieve(call: Call) -> Reply:
    found = await call.operations.message_search.history(call.actor, call.identity)
    return Reply(200, _resource(call, found.message))


async def _events(call: Call) -> Reply:
    found = await call.operations.message_search.history(call.actor, call.identity)

    def name_of(carrier_id: str) -> str | None:
        carrier = call.operations.directory.carrier(carrier_id)
        return None if carrier is None else carrier.name

    link = {"links": {"self": f"{PATH}/{call.identity}/events"}}
    shown = events(found, name_of if call.actor.is_operator else None)
    return Reply(200, [it | link for it in shown], {"api_version": API_VERSION})


async def _cancel(call: Call) -> Reply:
    (found,) = await call.operations.scheduled.cancel(call.actor, [call.identity])
    return Reply(202, _resource(call, found))


async def _cancel_bulk(call: Call) -> Reply:
    found = await call.operations.scheduled.cancel_bulk(call.actor, call.identity)
    shown = {
        "id": found.id,
        "type": BULK_KIND,
        "attributes": {"messages": found.messages, "scheduled": found.waiting},
        "links": {"self": _link({"filter[account_id]": found.account_id, "filter[bulk_id]": found.id})},
    }
    return Reply(202, shown)


def _link(query: Mapping[str, str]) -> str:
    return f"{PATH}?{urlencode(query, safe='[]')}" if query else PATH


ROUTES: Final = (
    ApiRoute(
        "GET", PATH, _list, "list_messages", Permission.SEE, "List messages, the newest first", KIND,
        gives=ShownMessageAttributes, is_list=True, query=LogQuery({}, ()), is_logged=True,
    ),
    ApiRoute(
        "GET", f"{PATH}/{{id}}", _retrieve, "retrieve_message", Permission.SEE, "Look a message up", KIND,
        gives=ShownMessageAttributes, query=NoQuery({}, ()), is_logged=True,
    ),
    ApiRoute(
        "GET", f"{PATH}/{{id}}/events", _events, "list_message_events", Permission.SEE, "What happened to a message",
        EVENT_KIND, gives=ShownEventAttributes, is_list=True, query=NoQuery({}, ()), is_logged=True,
    ),
    ApiRoute(
        "DELETE", f"{PATH}/{{id}}", _cancel, "cancel_message_of_account", Permission.SEND_SMS,
        "Ask that a message be not sent", KIND, gives=ShownMessageAttributes, status=202,
        query=NoQuery({}, ()), is_logged=True,
    ),
    ApiRoute(
        "DELETE", f"/v3/{BULK_KIND}/{{id}}", _cancel_bulk, "cancel_bulk_of_account", Permission.SEND_SMS,
        "Ask that whatever still waits of a scheduled bulk be not sent", BULK_KIND, gives=ShownBulkAttributes,
        status=202, query=NoQuery({}, ()), is_logged=True,
    ),
)  # fmt: skip
