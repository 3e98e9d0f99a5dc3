"""Trunks in requests and responses."""

from typing import Annotated, Any, Final, Literal, cast

from pydantic import AwareDatetime, Field

from agents.panel.api.jsonapi import Name, RequestModel, Resource, Shown, ToAccount, relationship, resource
from agents.panel.operations.trunks.trunks import MAX_AT_ONCE, TrunkSettings
from schemas.address import Msisdn
from schemas.directory.trunk import Trunk
from schemas.identifiers import Uuid

MAX_SOURCES: Final = 100_000

# Requests


class HttpOut(RequestModel):
    """What is special to HTTP OUT trunks."""

    type: Literal["http_out"]
    callback_url: Annotated[str | None, Field(max_length=2048, description="Where status notifications go.")] = None
    callback_disabled_at: Annotated[
        None, Field(description="Null has notifications posted again to an endpoint that had answered 410 Gone.")
    ] = None
    allowed_ips: Annotated[
        list[Annotated[str, Field(max_length=90)]],
        Field(max_length=1000, description="`(IPv4|IPv6)[/mask]`; empty allows all."),
    ] = []  # noqa: RUF012  # pydantic gives each model its own
    receipts_enabled: Annotated[bool, Field(description="Delivery receipts (DLR events) are posted too.")] = False


SegmentsPerSecond = Annotated[
    int | None,
    Field(ge=1, le=100_000, description="What is posted of its messages to carriers at most. Only operators set it."),
]


class TrunkAttributes(RequestModel):
    """A new trunk."""

    name: Annotated[Name, Field(description="Unique in the account.")]
    blocked: bool = False
    allow_any_did_as_source: Annotated[
        bool, Field(description="Any P2P-enabled DID may be the sender; else those of `outgoing_dids`.")
    ] = False
    segments_per_second: SegmentsPerSecond = None
    configuration: HttpOut


class TrunkChanges(RequestModel):
    """What changes; what is left out stays."""

    name: Name = ""
    blocked: bool = False
    allow_any_did_as_source: bool = False
    segments_per_second: SegmentsPerSecond = None
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


_SAME: Final = ("name", "blocked", "segments_per_second")
"""Attributes that are called the same here and in the directory."""


def settings_of(attributes: dict[str, Any], sources: ToDids | None) -> TrunkSettings:
    """Return what a request sets: the attributes that are given, and the sources where there is a list of them."""
    settings: dict[str, Any] = {name: attributes[name] for name in _SAME if name in attributes}
    if "allow_any_did_as_source" in attributes:
        settings["allow_any_did"] = attributes["allow_any_did_as_source"]
    configuration: HttpOut | None = attributes.get("configuration")
    if configuration is not None:
        settings |= {name: value for name, value in configuration.given().items() if name != "type"}
    if sources is not None:
        settings["allowed_sources"] = [did.id for did in sources.data]
    return cast("TrunkSettings", settings)


# Responses


class ShownHttpOut(Shown):
    """`password` is there only in the answer that creates the trunk.

    `callback_disabled_at` is when the endpoint answered 410 Gone: since then nothing is posted to it.
    """

    type: Literal["http_out"] = "http_out"
    callback_url: str | None
    callback_disabled_at: AwareDatetime | None
    allowed_ips: list[str]
    receipts_enabled: bool
    username: str
    password: str | None = None


class ShownTrunkAttributes(Shown):
    """A trunk. `priority` is always null and `allow_in` false: HTTP OUT trunks only send."""

    name: str
    priority: None = None
    blocked: bool
    allow_any_did_as_source: bool
    allow_in: bool = False
    allow_out: bool = True
    segments_per_second: int | None
    created_at: AwareDatetime
    configuration: ShownHttpOut


def trunk_resource(trunk: Trunk, *, with_sources: bool = True, password: str | None = None) -> Resource:
    """Return a trunk. In lists the allowed sources are only counted: a trunk can have 100,000."""
    attributes = ShownTrunkAttributes(
        name=trunk.name,
        blocked=trunk.blocked,
        allow_any_did_as_source=trunk.allow_any_did,
        segments_per_second=trunk.segments_per_second,
        created_at=trunk.created_at,
        configuration=ShownHttpOut(
            callback_url=trunk.callback_url,
            callback_disabled_at=trunk.callback_disabled_at,
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
