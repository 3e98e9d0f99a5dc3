"""The entries that a file asks for, where in the file each stands, and what is wrong with them."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from pydantic import ValidationError

from pipeline.directory.rules.changes import Change, Entry
from schemas.address import pattern_problem
from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.directory.people import ApiKey, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk

Path = tuple[str | int, ...]

KIND_NAMES: Final[dict[type[DirectoryEntry], tuple[str, str]]] = {
    Account: ("account", "accounts"),
    Did: ("DID", "DIDs"),
    Sender: ("sender", "senders"),
    Campaign: ("campaign", "campaigns"),
    Trunk: ("trunk", "trunks"),
    Profile: ("profile", "profiles"),
    Carrier: ("carrier", "carriers"),
    Route: ("route", "routes"),
    PanelUser: ("user", "users"),
    ApiKey: ("API key", "API keys"),
}
"""What people call an entry of each kind, and several."""
_OF_A_ROUTE: Final = {"carrier_id": "carrier", "account_id": "account"}  # by name or id in a file
_ELSEWHERE: Final = {"trunk_ids": "trunks"}


class Wanted:
    """`changes` are entries and removals by their keys, `problems` places for people with what is wrong there.

    `where` turns a path in the file into such a place.
    """

    def __init__(self, where: Callable[[Path], str]) -> None:
        self._where = where
        self._paths: dict[str, Path] = {}
        self.changes: dict[str, Change] = {}
        self.problems: list[tuple[str, str]] = []

    def put(self, path: Path, model: type[Entry], **values: Any) -> Entry | None:
        """Take an entry as wanted; return None after noting why it can be none."""
        try:
            entry = model(**values)
        except ValidationError as error:
            self.note(path, validation_problems(error))
            return None
        key = key_of(entry).decode()
        if key in self.changes:
            self.note(path, [((), f"is the same {KIND_NAMES[model][0]} as {self._where(self._paths[key])}")])
        self.changes[key] = entry
        self._paths[key] = path
        return entry

    def noting(self, path: Path) -> Callable[[Path, str], None]:
        """Return what notes problems of the entry at a place in the file."""
        return lambda inner, what: self.note(path, [(inner, what)])

    def note(self, path: Path, found: Iterable[tuple[Path, str]]) -> None:
        """Note problems of the entry at a place in the file, each with its path in the entry."""
        self.problems += [(self._where((*path, *inner)), what) for inner, what in found]

    def add_rules(self, found: list[tuple[str, str]]) -> None:
        """Take over problems that the rules have found, with their places in the file."""
        for place, what in found:
            key, *attributes = steps(place)
            path = self._paths.get(str(key))
            if path is None:
                self.problems.append((place, what))  # not in the file: to be deleted
            else:
                written = _OF_A_ROUTE if path[0] == "routes" else _ELSEWHERE
                self.note(path, [(tuple(written.get(str(step), step) for step in attributes), what)])


def validation_problems(error: ValidationError) -> list[tuple[Path, str]]:
    """Return path and problem of everything that pydantic has found, without the values: they may be secret."""
    return [(part["loc"], pattern_problem(part)) for part in error.errors(include_url=False)]


def steps(where: str) -> Path:
    """Return the path of a problem's place in an entry."""
    return tuple(int(step) if step.isdecimal() else step for step in where.split("/"))
