"""Carrier profiles: those that come with the product, and one's own."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypedDict

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice
from agents.panel.operations.errors import NotFound
from agents.panel.operations.routing.operated import OperatedEntries
from pipeline.carriers.profile_form.profile import ProfileForm
from pipeline.carriers.profiles.book import ProfileBook
from pipeline.carriers.profiles.shipped import PRACTICE, shipped_names, shipped_text
from pipeline.errors import RuleViolated
from schemas.directory.carrier import Carrier, Profile


class ProfileSettings(TypedDict, total=False):
    """What can be set of a profile: its name only when it is new."""

    id: str
    text: str


class ListedProfile(NamedTuple):
    """A profile as a list shows it. `form` is None for one that this version cannot read."""

    id: str
    is_own: bool
    form: ProfileForm | None
    carriers: int


_ORDERS: Final[dict[str, Callable[[ListedProfile], Any]]] = {
    "name": lambda it: (not it.is_own, it.id),  # one's own first
    "carriers": lambda it: (it.carriers, it.id),
}
PROFILE_ORDERS: Final = tuple(_ORDERS)


class Profiles(OperatedEntries[Profile, ProfileSettings]):
    """Profiles of one's own; those that come with the product can be read and copied."""

    def __init__(self, access: Access, changes: Changes) -> None:
        super().__init__(access, changes, Profile)
        self.book = ProfileBook(lambda name: access.directory.get(Profile, name))

    def _blank(self) -> Profile:
        return Profile.model_construct(id="", text="")

    async def create(self, actor: Actor, settings: ProfileSettings) -> tuple[Profile, int]:
        """Create a profile; return it and its version. Raises `RuleViolated`, also for a name that is taken."""
        actor.must(Permission.OPERATE)
        if self._access.directory.get(Profile, settings.get("id", "")) is not None:
            raise RuleViolated([("id", "another profile has the same")])
        return await super().create(actor, settings)

    def form(self, actor: Actor, name: str | None) -> ProfileForm | None:
        """Return what a profile holds; None for one that is not there or cannot be read."""
        actor.must(Permission.OPERATE)
        return form_of(self.book, name)

    def text(self, actor: Actor, name: str) -> str:
        """Return a profile as it is written. Raises `NotFound`."""
        actor.must(Permission.OPERATE)
        own = self._access.directory.get(Profile, name)
        if own is not None:
            return own.text
        if name not in shipped_names():
            raise NotFound("There is no such profile.")
        return shipped_text(name)

    def is_own(self, actor: Actor, name: str) -> bool:
        """Tell whether a profile is one's own, and not one that comes with the product."""
        actor.must(Permission.OPERATE)
        return self._access.directory.get(Profile, name) is not None

    def all(self, actor: Actor) -> list[ListedProfile]:
        """Return all profiles, one's own first."""
        actor.must(Permission.OPERATE)
        used = Counter(it.profile or PRACTICE for it in self._access.directory.entries(Carrier))
        own = sorted(it.id for it in self._access.directory.entries(Profile))
        shipped = [it for it in shipped_names() if it not in own]
        return [ListedProfile(it, it in own, form_of(self.book, it), used[it]) for it in [*own, *shipped]]

    def list(self, actor: Actor, *, name: str = "", paging: Paging = FIRST_PAGE) -> Slice[ListedProfile]:
        """Return those whose name contains `name`."""
        return paging.cut_sorted([it for it in self.all(actor) if name.lower() in it.id], _ORDERS)


def form_of(book: ProfileBook, name: str | None) -> ProfileForm | None:
    """Return what a profile holds; None for one that is not there or cannot be read."""
    try:
        return book.profile(name).form
    except RuleViolated:
        return None
