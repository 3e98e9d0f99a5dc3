"""Carriers."""

from collections.abc import Mapping
from typing import Final, TypedDict

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice, natural
from agents.panel.operations.ports import CredentialKeys
from agents.panel.operations.routing.operated import OperatedEntries
from agents.panel.operations.routing.profiles import Profiles, form_of
from pipeline.carriers.profile_form.profile import ProfileForm
from pipeline.directory.carrier_secrets import CarrierSealer
from pipeline.directory.sealing import resealed
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.identifiers import uuid7


class CarrierSettings(TypedDict, total=False):
    """What can be set of a carrier; `name` is needed for a new one, `url` where the profile names no address.

    `profile` empty is the practice carrier's. `secrets` are in clear, by name: those that are not there stay, and an
    empty one goes.
    """

    name: str
    url: str
    blocked: bool
    in_doubt_policy: InDoubtPolicy
    max_in_flight: int
    timeout_seconds: float
    segments_per_second: int | None
    burst: int | None
    profile: str
    parameters: Mapping[str, str]
    secrets: Mapping[str, str]


_ORDERS: Final = {
    "name": lambda it: natural(it.name),
    "url": lambda it: it.url,
    "blocked": lambda it: it.blocked,
}
CARRIER_ORDERS: Final = tuple(_ORDERS)
"""What carriers can be sorted by; a minus before it reverses."""


class Carriers(OperatedEntries[Carrier, CarrierSettings]):
    """Carriers, to which routes lead."""

    def __init__(self, access: Access, changes: Changes, keys: CredentialKeys, profiles: Profiles) -> None:
        super().__init__(access, changes, Carrier)
        self._keys = keys
        self._profiles = profiles

    def _blank(self) -> Carrier:
        return Carrier.model_construct(id=uuid7(), name="", url="")

    def _changed(self, entry: Carrier, settings: CarrierSettings) -> Carrier:
        """Return the carrier with these settings: what another profile does not ask for goes with the old one."""
        values: dict[str, object] = {key: it for key, it in settings.items() if key not in ("parameters", "secrets")}
        name = (settings["profile"] or None) if "profile" in settings else entry.profile
        values["profile"] = name
        form = form_of(self._profiles.book, name)
        given = settings.get("parameters", entry.parameters or {})
        kept = {key: it for key, it in given.items() if it and (form is None or name_is_known(form, key, settings))}
        values["parameters"] = kept or None
        values["secrets"] = resealed(
            entry.id,
            [it for it in entry.secrets or () if form is None or it.name in form.secrets],
            settings.get("secrets", {}),
            self._keys.carrier_sealer,
            CarrierSealer,
        )
        return entry.model_copy(update=values)

    def list(self, actor: Actor, *, name: str = "", paging: Paging = FIRST_PAGE) -> Slice[Carrier]:
        """Return the carriers whose name contains `name`."""
        actor.must(Permission.OPERATE)
        found = [it for it in self._access.directory.entries(Carrier) if name.casefold() in it.name.casefold()]
        return paging.cut_sorted(found, _ORDERS)


def name_is_known(form: ProfileForm, parameter: str, settings: CarrierSettings) -> bool:
    """Tell whether a parameter is kept: one that was given stays, also for the rules to refuse it."""
    return parameter in form.parameters or "parameters" in settings
