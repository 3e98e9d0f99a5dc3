"""/v3/sms_trunk_regenerate_credentials."""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from agents.panel.api.call import API_VERSION, Call, Reply
from agents.panel.api.jsonapi import RequestModel, Shown, resource
from agents.panel.api.resources.trunks.documents import TrunkIdentifier
from agents.panel.api.route import ApiRoute, document_of
from agents.panel.operations.actor import Permission
from agents.panel.operations.trunks.trunk_secrets import MAX_GRACE_SECONDS

KIND: Final = "sms_trunk_regenerate_credentials"


class ToTrunk(RequestModel):
    """A relationship to a trunk."""

    data: TrunkIdentifier


class RegenerateAttributes(RequestModel):
    """How to regenerate."""

    renew_username: bool = False
    grace_period_seconds: Annotated[
        int, Field(ge=0, le=MAX_GRACE_SECONDS, description="How long the password before works too.")
    ] = 0


class RegenerateRelationships(RequestModel):
    """Which trunk."""

    sms_trunk: ToTrunk


class Regenerate(RequestModel):
    """Body of POST /v3/sms_trunk_regenerate_credentials."""

    type: Literal["sms_trunk_regenerate_credentials"]
    attributes: RegenerateAttributes = RegenerateAttributes()
    relationships: RegenerateRelationships


class ShownCredentialsAttributes(Shown):
    """New credentials, shown once."""

    username: str
    password: str
    old_valid_until: AwareDatetime | None = None


async def regenerate(call: Call) -> Reply:
    """Give a trunk a new password."""
    wanted: Regenerate = call.body.data
    trunk_id = wanted.relationships.sms_trunk.data.id
    new = await call.operations.trunk_secrets.regenerate_password(
        call.actor,
        trunk_id,
        renew_username=wanted.attributes.renew_username,
        grace_seconds=wanted.attributes.grace_period_seconds,
    )
    attributes = ShownCredentialsAttributes(
        username=new.username, password=new.password, old_valid_until=new.old_valid_until
    )
    shown = resource(KIND, trunk_id, attributes)
    shown["links"] = {"related": f"/v3/sms_trunks/{trunk_id}"}
    return Reply(200, shown, {"api_version": API_VERSION})


ROUTES: Final = (
    ApiRoute(
        "POST", f"/v3/{KIND}", regenerate, "regenerate", Permission.REVEAL_SECRETS, "Give a trunk a new password",
        KIND, document_of(Regenerate), ShownCredentialsAttributes,
        pointers={"grace_seconds": "attributes/grace_period_seconds"},
    ),
)  # fmt: skip
