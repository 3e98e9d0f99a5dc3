"""Requests, as models that both check them and describe them in the OpenAPI document.

An attribute that nobody knows is refused: it would be a wish that is silently not granted.
"""

from decimal import Decimal
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from agents.panel.operations.trunk_secrets import MAX_GRACE_SECONDS
from agents.panel.operations.trunks import MAX_AT_ONCE
from schemas.address import Msisdn
from schemas.directory.carrier import InDoubtPolicy
from schemas.identifiers import Uuid

Attributes = TypeVar("Attributes")
Relationships = TypeVar("Relationships")
Data = TypeVar("Data")

MAX_SOURCES: Final = 100_000


class Form(BaseModel):
    """Strict, and closed."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        """Return the attributes that the request has."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Document(Form, Generic[Data]):
    """The body of a request."""

    data: Data


class HttpOut(Form):
    """What is special to HTTP OUT trunks."""

    type: Literal["http_out"]
    callback_url: Annotated[str | None, Field(max_length=2048, description="Where status notifications go.")] = None
    callback_disabled_at: Annotated[
        None, Field(description="Null has notifications posted again to an endpoint that had answered 410 Gone.")
    ] = None
    allowed_ips: Annotated[
        list[Annotated[str, Field(max_length=90)]],
        Field(max_length=1000, description="`(IPv4|IPv6)[/mask]`; empty allows all."),
    ] = []
    receipts_enabled: Annotated[bool, Field(description="Delivery receipts (DLR events) are posted too.")] = False


Name = Annotated[str, Field(min_length=1, max_length=100)]


class TrunkAttributes(Form):
    """A new trunk."""

    name: Annotated[Name, Field(description="Unique in the account.")]
    blocked: bool = False
    allow_any_did_as_source: Annotated[
        bool, Field(description="Any P2P-enabled DID may be the sender; else those of `outgoing_dids`.")
    ] = False
    configuration: HttpOut


class TrunkChanges(Form):
    """What changes; what is left out stays."""

    name: Name = ""
    blocked: bool = False
    allow_any_did_as_source: bool = False
    configuration: HttpOut = HttpOut(type="http_out")


class DidIdentifier(Form):
    """One DID; its id is its number."""

    type: Literal["dids"]
    id: Msisdn


class AccountIdentifier(Form):
    """One account."""

    type: Literal["accounts"]
    id: Uuid


class CarrierIdentifier(Form):
    """One carrier."""

    type: Literal["carriers"]
    id: Uuid


class TrunkIdentifier(Form):
    """One trunk."""

    type: Literal["sms_trunks"]
    id: Uuid


class ToAccount(Form):
    """A relationship to an account."""

    data: AccountIdentifier


class ToCarrier(Form):
    """A relationship to a carrier."""

    data: CarrierIdentifier


class ToTrunk(Form):
    """A relationship to a trunk."""

    data: TrunkIdentifier


class ToDids(Form):
    """A relationship to DIDs."""

    data: Annotated[list[DidIdentifier], Field(max_length=MAX_SOURCES)]


class TrunkRelationships(Form):
    """Of a trunk; `account` only operators need."""

    outgoing_dids: ToDids | None = None
    account: ToAccount | None = None


class TrunkChangedRelationships(Form):
    """Of a trunk that is changed."""

    outgoing_dids: ToDids | None = None


class NewTrunk(Form):
    """Body of POST /v3/sms_trunks."""

    type: Literal["sms_trunks"]
    attributes: TrunkAttributes
    relationships: TrunkRelationships = TrunkRelationships()


class ChangedTrunk(Form):
    """Body of PATCH /v3/sms_trunks/{id}."""

    type: Literal["sms_trunks"]
    id: Uuid
    attributes: TrunkChanges = TrunkChanges()
    relationships: TrunkChangedRelationships = TrunkChangedRelationships()


DeletedTrunks = Annotated[list[TrunkIdentifier], Field(min_length=1, max_length=MAX_AT_ONCE)]


class RegenerateAttributes(Form):
    """How to regenerate."""

    renew_username: bool = False
    grace_period_seconds: Annotated[
        int, Field(ge=0, le=MAX_GRACE_SECONDS, description="How long the password before works too.")
    ] = 0


class RegenerateRelationships(Form):
    """Which trunk."""

    sms_trunk: ToTrunk


class Regenerate(Form):
    """Body of POST /v3/sms_trunk_regenerate_credentials."""

    type: Literal["sms_trunk_regenerate_credentials"]
    attributes: RegenerateAttributes = RegenerateAttributes()
    relationships: RegenerateRelationships


class DidAttributes(Form):
    """A new DID."""

    number: Msisdn
    p2p_enabled: bool = False


class AccountRelationships(Form):
    """Whose it is."""

    account: ToAccount


class NewDid(Form):
    """Body of POST /v3/dids."""

    type: Literal["dids"]
    attributes: DidAttributes
    relationships: AccountRelationships


class DidChanges(Form):
    """What changes of a DID."""

    p2p_enabled: bool


class ChangedDid(Form):
    """Body of PATCH /v3/dids/{id}."""

    type: Literal["dids"]
    id: Msisdn
    attributes: DidChanges


class CarrierAttributes(Form):
    """A new carrier."""

    name: Name
    url: Annotated[str, Field(min_length=1, max_length=2048)]
    blocked: bool = False
    in_doubt_policy: Annotated[InDoubtPolicy, Field(strict=False)] = InDoubtPolicy.GIVE_UP
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = 64
    timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 30.0


class CarrierChanges(Form):
    """What changes of a carrier."""

    name: Name = ""
    url: Annotated[str, Field(min_length=1, max_length=2048)] = ""
    blocked: bool = False
    in_doubt_policy: Annotated[InDoubtPolicy, Field(strict=False)] = InDoubtPolicy.GIVE_UP
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = 64
    timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 30.0


class NewCarrier(Form):
    """Body of POST /v3/carriers."""

    type: Literal["carriers"]
    attributes: CarrierAttributes


class ChangedCarrier(Form):
    """Body of PATCH /v3/carriers/{id}."""

    type: Literal["carriers"]
    id: Uuid
    attributes: CarrierChanges


Price = Annotated[
    str | None,
    Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$", description="A decimal number as text, so that no digit is lost."),
]


class RouteAttributes(Form):
    """A new route, and what changes of one."""

    destination_prefix: Annotated[str, Field(pattern=r"^[0-9]{0,15}$")] = ""
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    price_per_segment: Price = None
    blocked: bool = False

    def settings(self) -> dict[str, Any]:
        """Return what the request gives, the price as a number."""
        found = self.given()
        if found.get("price_per_segment") is not None:
            found["price_per_segment"] = Decimal(found["price_per_segment"])
        return found


class RouteRelationships(Form):
    """Where a route leads."""

    carrier: ToCarrier


class RouteChangedRelationships(Form):
    """Where a route leads from now on."""

    carrier: ToCarrier | None = None


class NewRoute(Form):
    """Body of POST /v3/routes."""

    type: Literal["routes"]
    attributes: RouteAttributes = RouteAttributes()
    relationships: RouteRelationships


class ChangedRoute(Form):
    """Body of PATCH /v3/routes/{id}."""

    type: Literal["routes"]
    id: Uuid
    attributes: RouteAttributes = RouteAttributes()
    relationships: RouteChangedRelationships = RouteChangedRelationships()
