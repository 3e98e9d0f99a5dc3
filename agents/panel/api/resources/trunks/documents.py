"""Trunks in requests and responses."""

from typing import Annotated, Any, Final, Literal, cast

from pydantic import AwareDatetime, Field

from agents.panel.api.jsonapi import Name, RequestModel, Resource, Shown, ToAccount, relationship, resource
from agents.panel.api.resources.limits import Limits, ShownLimits, given_limits, shown_limits
from agents.panel.operations.trunks.trunks import MAX_AT_ONCE, TrunkSettings
from schemas.address import Msisdn
from schemas.directory.callback_options import (
    MAX_FAILOVER_AFTER,
    MAX_HEADER_LENGTH,
    MAX_HEADERS,
    MAX_PEM_LENGTH,
    MAX_USERNAME_LENGTH,
    CallbackEvent,
    CallbackOptions,
)
from schemas.directory.trunk import Country, Trunk
from schemas.identifiers import Uuid
from schemas.text.smart_encoding import SmartEncoding

MAX_SOURCES: Final = 100_000

# Requests


class HttpOutCallbacks(RequestModel):
    """How the trunk wants to be told; what is null, an empty list or an empty object is as usual."""

    events: Annotated[
        list[Annotated[CallbackEvent, Field(strict=False)]] | None,
        Field(max_length=len(CallbackEvent), description="What it is told of; null: all of it."),
    ] = None
    headers: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=MAX_HEADER_LENGTH)]] | None,
        Field(max_length=MAX_HEADERS, description="Sent with each callback."),
    ] = None
    username: Annotated[
        str | None, Field(max_length=MAX_USERNAME_LENGTH, description="Of HTTP Basic; with the secret `password`.")
    ] = None
    ca: Annotated[
        str | None, Field(max_length=MAX_PEM_LENGTH, description="PEM; trusted in place of the usual authorities.")
    ] = None
    client_certificate: Annotated[
        str | None, Field(max_length=MAX_PEM_LENGTH, description="PEM; with the secret `client_key`.")
    ] = None
    secrets: Annotated[
        dict[Literal["password", "token", "client_key"], Annotated[str, Field(max_length=MAX_PEM_LENGTH)]],
        Field(
            description="In clear, by name, and never shown: `password` of Basic, or the Bearer `token`; `client_key` "
            "of the certificate. What is not there stays, an empty one goes."
        ),
    ] = {}  # noqa: RUF012  # pydantic gives each model its own
    failover_url: Annotated[
        str | None, Field(max_length=2048, description="Takes what `callback_url` does not take.")
    ] = None
    failover_after: Annotated[
        int | None,
        Field(ge=1, le=MAX_FAILOVER_AFTER, description="Attempts at `callback_url` before that; null: three."),
    ] = None
    batch: Annotated[
        bool | None, Field(description="Whether several events are posted together; null: each by itself.")
    ] = None


class HttpOut(RequestModel):
    """What is special to HTTP OUT trunks."""

    type: Literal["http_out"]
    callback_url: Annotated[str | None, Field(max_length=2048, description="Where status notifications go.")] = None
    callback_disabled_at: Annotated[
        None, Field(description="Null has notifications posted again to an endpoint that had answered 410 Gone.")
    ] = None
    callbacks: Annotated[
        HttpOutCallbacks | None, Field(description="Members that are left out stay; null puts all of it back to usual.")
    ] = None
    allowed_ips: Annotated[
        list[Annotated[str, Field(max_length=90)]],
        Field(max_length=1000, description="`(IPv4|IPv6)[/mask]`; empty allows all."),
    ] = []  # noqa: RUF012  # pydantic gives each model its own
    receipts_enabled: Annotated[bool, Field(description="Delivery receipts (DLR events) are posted too.")] = False


Countries = Annotated[
    list[Country],
    Field(
        max_length=300,
        description="Where its messages may not go: ISO 3166-1 alpha-2, 001 for networks of no country. Left out, "
        "a new trunk's are the expensive ones.",
    ),
]

Smart = Annotated[
    SmartEncoding,
    Field(description="What may be changed of a text so that it takes fewer segments; a message can say otherwise."),
]


class TrunkAttributes(Limits):
    """A new trunk."""

    name: Annotated[Name, Field(description="Unique in the account.")]
    blocked: bool = False
    allow_any_did_as_source: Annotated[
        bool, Field(description="Any P2P-enabled DID may be the sender; else those of `outgoing_dids`.")
    ] = False
    refused_countries: Countries = []  # noqa: RUF012
    smart_encoding: Smart = SmartEncoding.OFF
    configuration: HttpOut


class TrunkChanges(Limits):
    """What changes; what is left out stays."""

    name: Name = ""
    blocked: bool = False
    allow_any_did_as_source: bool = False
    refused_countries: Countries = []  # noqa: RUF012
    smart_encoding: Smart = SmartEncoding.OFF
    configuration: HttpOut = HttpOut(type="http_out")


class DidIdentifier(RequestModel):
    """One DID; its id is its number."""

    type: Literal["dids"]
    id: Msisdn


class ToDids(RequestModel):
    """A relationship to DIDs."""

    data: Annotated[list[DidIdentifier], Field(max_length=MAX_SOURCES)]


class TrunkRelationships(RequestModel):
    """Of a trunk; `account` only operators need."""

    outgoing_dids: ToDids | None = None
    account: ToAccount | None = None


class TrunkChangedRelationships(RequestModel):
    """Of a trunk that is changed."""

    outgoing_dids: ToDids | None = None


class NewTrunk(RequestModel):
    """Body of POST /v3/sms_trunks."""

    type: Literal["sms_trunks"]
    attributes: TrunkAttributes
    relationships: TrunkRelationships = TrunkRelationships()


class ChangedTrunk(RequestModel):
    """Body of PATCH /v3/sms_trunks/{id}."""

    type: Literal["sms_trunks"]
    id: Uuid
    attributes: TrunkChanges = TrunkChanges()
    relationships: TrunkChangedRelationships = TrunkChangedRelationships()


class TrunkIdentifier(RequestModel):
    """One trunk."""

    type: Literal["sms_trunks"]
    id: Uuid


DeletedTrunks = Annotated[list[TrunkIdentifier], Field(min_length=1, max_length=MAX_AT_ONCE)]


_SAME: Final = ("name", "blocked", "refused_countries", "smart_encoding")
"""Attributes that are called the same here and in the directory."""


def settings_of(attributes: dict[str, Any], sources: ToDids | None) -> TrunkSettings:
    """Return what a request sets: the attributes that are given, and the sources where there is a list of them."""
    settings: dict[str, Any] = {name: attributes[name] for name in _SAME if name in attributes}
    settings |= given_limits(attributes)
    if "allow_any_did_as_source" in attributes:
        settings["allow_any_did"] = attributes["allow_any_did_as_source"]
    configuration: HttpOut | None = attributes.get("configuration")
    if configuration is not None:
        settings |= {name: value for name, value in configuration.given().items() if name != "type"}
        if configuration.callbacks is not None:
            settings["callbacks"] = configuration.callbacks.given()
    if sources is not None:
        settings["allowed_sources"] = [did.id for did in sources.data]
    return cast("TrunkSettings", settings)


# Responses


class ShownCallbacks(Shown):
    """How the trunk wants to be told; null is as usual."""

    events: list[CallbackEvent] | None
    headers: dict[str, str]
    username: str | None
    ca: str | None
    client_certificate: str | None
    secrets: list[str]
    """Their names."""
    failover_url: str | None
    failover_after: int | None
    batch: bool


class ShownHttpOut(Shown):
    """`password` is there only in the answer that creates the trunk.

    `callback_disabled_at` is when the endpoint answered 410 Gone: since then nothing is posted to it.
    """

    type: Literal["http_out"] = "http_out"
    callback_url: str | None
    callback_disabled_at: AwareDatetime | None
    callbacks: ShownCallbacks
    allowed_ips: list[str]
    receipts_enabled: bool
    username: str
    password: str | None = None


class ShownTrunkAttributes(ShownLimits):
    """A trunk. `priority` is always null and `allow_in` false: HTTP OUT trunks only send."""

    name: str
    priority: None = None
    blocked: bool
    allow_any_did_as_source: bool
    allow_in: bool = False
    allow_out: bool = True
    refused_countries: list[str]
    smart_encoding: SmartEncoding
    created_at: AwareDatetime
    configuration: ShownHttpOut


def _shown_callbacks(options: CallbackOptions) -> ShownCallbacks:
    return ShownCallbacks(
        events=None if options.events is None else list(options.events),
        headers=options.headers or {},
        username=options.username,
        ca=options.ca,
        client_certificate=options.client_certificate,
        secrets=[secret.name for secret in options.secrets or ()],
        failover_url=options.failover_url,
        failover_after=options.failover_after,
        batch=bool(options.batch),
    )


def trunk_resource(trunk: Trunk, *, with_sources: bool = True, password: str | None = None) -> Resource:
    """Return a trunk. In lists the allowed sources are only counted: a trunk can have 100,000."""
    attributes = ShownTrunkAttributes(
        name=trunk.name,
        blocked=trunk.blocked,
        allow_any_did_as_source=trunk.allow_any_did,
        refused_countries=list(trunk.refused_countries or ()),
        **shown_limits(trunk),
        smart_encoding=trunk.smart_encoding or SmartEncoding.OFF,
        created_at=trunk.created_at,
        configuration=ShownHttpOut(
            callback_url=trunk.callback_url,
            callback_disabled_at=trunk.callback_disabled_at,
            callbacks=_shown_callbacks(trunk.callbacks or CallbackOptions()),
            allowed_ips=list(trunk.allowed_ips),
            receipts_enabled=trunk.receipts_enabled,
            username=trunk.credentials[0].username,
            password=password,
        ),
    )
    sources: dict[str, Any] = {"meta": {"count": len(trunk.allowed_sources)}}
    if with_sources:
        sources["data"] = [{"type": "dids", "id": number} for number in trunk.allowed_sources]
    relationships = {"outgoing_dids": sources, "account": relationship("accounts", trunk.account_id)}
    found = resource("sms_trunks", trunk.id, attributes, relationships)
    if password is None:
        del found["attributes"]["configuration"]["password"]
    return found
