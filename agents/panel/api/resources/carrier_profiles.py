"""/v3/carrier_profiles."""

from typing import Annotated, Final, Literal

from pydantic import Field

from agents.panel.api.call import Call, Query, Reply
from agents.panel.api.jsonapi import RequestModel, Resource, Shown, resource
from agents.panel.api.route import EntryResources, created
from agents.panel.operations.actor import Permission
from agents.panel.operations.operations import Operations
from agents.panel.operations.routing.profiles import PROFILE_ORDERS, ListedProfile, Profiles, ProfileSettings
from schemas.directory.carrier import Profile, ProfileName

Text = Annotated[str, Field(min_length=1, max_length=65_536, description="The profile, as YAML: docs/carriers.md.")]


class ProfileAttributes(RequestModel):
    """A new profile."""

    name: ProfileName
    text: Text


class NewProfile(RequestModel):
    """Body of POST /v3/carrier_profiles."""

    type: Literal["carrier_profiles"]
    attributes: ProfileAttributes


class ProfileChanges(RequestModel):
    """What changes of a profile."""

    text: Text


class ChangedProfile(RequestModel):
    """Body of PATCH /v3/carrier_profiles/{id}."""

    type: Literal["carrier_profiles"]
    id: ProfileName
    attributes: ProfileChanges


class ShownProfileAttributes(Shown):
    """A profile. `shipped` ones come with the product and cannot be changed; lists leave `text` out."""

    name: str
    shipped: bool
    text: str | None = None


POINTERS: Final = {"id": "attributes/name", "text": "attributes/text"}


class ProfileResources(EntryResources[Profile]):
    """Profiles; the id of one is its name."""

    kind = "carrier_profiles"
    name = "carrier_profile"
    noun = "carrier profile"
    see = change = Permission.OPERATE
    new = NewProfile
    changed = ChangedProfile
    shown = ShownProfileAttributes
    query = Query({"name": "text"}, PROFILE_ORDERS)
    pointers = POINTERS

    def area(self, operations: Operations) -> Profiles:
        """Return the operations on profiles."""
        return operations.profiles

    def resource(self, entry: Profile) -> Resource:
        """Return a profile of one's own."""
        return self._resource(entry.id, entry.text, shipped=False)

    def resource_in_list(self, item: ListedProfile) -> Resource:
        """Return a profile without its text, which may be long."""
        found = self._resource(item.id, None, shipped=not item.is_own)
        del found["attributes"]["text"]
        return found

    def _resource(self, name: str, text: str | None, *, shipped: bool) -> Resource:
        return resource(self.kind, name, ShownProfileAttributes(name=name, shipped=shipped, text=text))

    async def retrieve(self, call: Call) -> Reply:
        """Retrieve, also one that comes with the product."""
        profiles = call.operations.profiles
        if profiles.is_own(call.actor, call.identity):
            return await super().retrieve(call)
        text = profiles.text(call.actor, call.identity)
        return Reply(200, self._resource(call.identity, text, shipped=True))

    async def create(self, call: Call) -> Reply:
        """Create one; carriers can name it at once."""
        wanted: ProfileAttributes = call.body.data.attributes
        settings = ProfileSettings(id=wanted.name, text=wanted.text)
        profile, version = await call.operations.profiles.create(call.actor, settings)
        return created(self.resource(profile), version)

    async def update(self, call: Call) -> Reply:
        """Change its text; carriers that name it go by it at once."""
        settings = ProfileSettings(text=call.body.data.attributes.text)
        changed = await call.operations.profiles.update(call.actor, call.identity, settings, call.expected)
        return self.current(*changed)


ROUTES: Final = ProfileResources().routes()
