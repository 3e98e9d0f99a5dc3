"""/v3/carriers."""

from typing import Annotated, Final, Literal, cast

from pydantic import Field

from agents.panel.api.call import Call, Query, Reply
from agents.panel.api.jsonapi import Name, RequestModel, Resource, Shown, resource
from agents.panel.api.route import EntryResources, created
from agents.panel.operations.actor import Permission
from agents.panel.operations.operations import Operations
from agents.panel.operations.routing.carriers import CARRIER_ORDERS, Carriers, CarrierSettings
from pipeline.carriers.profiles.shipped import PRACTICE
from schemas.directory.carrier import MAX_SEGMENTS_PER_SECOND, Carrier, InDoubtPolicy
from schemas.identifiers import Uuid

Url = Annotated[str, Field(max_length=2048)]
ProfileName = Annotated[
    str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,62})?$", description="Empty: the practice carrier's.")
]
Parameters = Annotated[dict[str, Annotated[str, Field(max_length=8192)]], Field(max_length=50)]
Secrets = Annotated[
    dict[str, Annotated[str, Field(max_length=8192)]],
    Field(max_length=20, description="In clear, by name; never shown. What is not there stays, an empty one goes."),
]
Policy = Annotated[InDoubtPolicy, Field(strict=False)]
MaxInFlight = Annotated[int, Field(ge=1, le=10_000)]
TimeoutSeconds = Annotated[float, Field(gt=0, le=120)]

SegmentsPerSecond = Annotated[
    int | None,
    Field(ge=1, le=MAX_SEGMENTS_PER_SECOND, description="What all processes together post to it; null: any number."),
]
Burst = Annotated[
    int | None,
    Field(ge=1, le=MAX_SEGMENTS_PER_SECOND, description="What of it may go at once; null: a tenth of a second's."),
]


class CarrierAttributes(RequestModel):
    """A new carrier."""

    name: Name
    url: Url = ""
    blocked: bool = False
    in_doubt_policy: Policy = InDoubtPolicy.GIVE_UP
    max_in_flight: MaxInFlight = 64
    timeout_seconds: TimeoutSeconds = 30.0
    segments_per_second: SegmentsPerSecond = None
    burst: Burst = None
    profile: ProfileName = ""
    parameters: Parameters = Field(default_factory=dict)
    secrets: Secrets = Field(default_factory=dict)


class CarrierChanges(CarrierAttributes):
    """What changes of a carrier."""

    name: Name = ""


class NewCarrier(RequestModel):
    """Body of POST /v3/carriers."""

    type: Literal["carriers"]
    attributes: CarrierAttributes


class ChangedCarrier(RequestModel):
    """Body of PATCH /v3/carriers/{id}."""

    type: Literal["carriers"]
    id: Uuid
    attributes: CarrierChanges


class ShownCarrierAttributes(Shown):
    """A carrier."""

    name: str
    url: str
    blocked: bool
    in_doubt_policy: InDoubtPolicy
    max_in_flight: int
    timeout_seconds: float
    segments_per_second: int | None
    burst: int | None
    profile: str
    parameters: dict[str, str]
    secrets: list[str]
    """Their names."""


POINTERS: Final = {name: f"attributes/{name}" for name in CarrierAttributes.model_fields}


class CarrierResources(EntryResources[Carrier]):
    """Carriers."""

    kind = "carriers"
    name = noun = "carrier"
    see = change = Permission.OPERATE
    new = NewCarrier
    changed = ChangedCarrier
    shown = ShownCarrierAttributes
    query = Query({"name": "text"}, CARRIER_ORDERS)
    pointers = POINTERS

    def area(self, operations: Operations) -> Carriers:
        """Return the operations on carriers."""
        return operations.carriers

    def resource(self, entry: Carrier) -> Resource:
        """Return a carrier."""
        shown = {name: getattr(entry, name) for name in ShownCarrierAttributes.model_fields}
        shown["profile"] = entry.profile or PRACTICE
        shown["parameters"] = entry.parameters or {}
        shown["secrets"] = [secret.name for secret in entry.secrets or ()]
        return resource(self.kind, entry.id, ShownCarrierAttributes(**shown))

    async def create(self, call: Call) -> Reply:
        """Create."""
        wanted: NewCarrier = call.body.data
        settings = cast("CarrierSettings", wanted.attributes.given())
        carrier, version = await call.operations.carriers.create(call.actor, settings)
        return created(self.resource(carrier), version)

    async def update(self, call: Call) -> Reply:
        """Change what is given."""
        wanted: ChangedCarrier = call.body.data
        settings = cast("CarrierSettings", wanted.attributes.given())
        return self.current(*await call.operations.carriers.update(call.actor, call.identity, settings, call.expected))


ROUTES: Final = CarrierResources().routes()
