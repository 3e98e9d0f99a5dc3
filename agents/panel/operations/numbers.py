"""Numbers: which DIDs an account has, who uses them, and how operators bring them in."""

import csv
import io
from dataclasses import dataclass
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.desk import Desk, places_of
from agents.panel.operations.slices import Slice, cut, ordered
from pipeline.directory.rules import Removal
from pipeline.errors import RuleViolated
from pipeline.numbers import is_possible
from schemas.address import MSISDN
from schemas.directory.account import Did
from schemas.directory.trunk import Trunk

MAX_IMPORT_LINES: Final = 200_000
MAX_PROBLEMS: Final = 100
MAX_USERS_LISTED: Final = 5

_YES: Final = frozenset({"yes", "true", "1", "on", "y", "p2p"})
_NO: Final = frozenset({"no", "false", "0", "off", "n", ""})

_ORDER: Final = {
    "number": lambda did: did.number,
    "p2p_enabled": lambda did: did.p2p_enabled,
}
DID_ORDERS: Final = tuple(_ORDER)


@dataclass(frozen=True, slots=True)
class DidRow:
    """A DID and the trunks that may use it: those that list it by name, and how many take any DID."""

    did: Did
    listed_by: tuple[str, ...]
    listed_by_count: int
    any_did_trunks: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did."""

    added: int
    changed: int
    unchanged: int


class Numbers(Desk):
    """DIDs. Everybody sees the own account's; only operators change them."""

    def list_dids(
        self,
        actor: Actor,
        *,
        number: str = "",
        p2p_enabled: bool | None = None,
        account_id: str | None = None,
        sort: str = "number",
        page: int = 1,
        size: int = 50,
    ) -> Slice[DidRow]:
        """Return the DIDs whose number contains the digits of `number`."""
        actor.must(Permission.SEE)
        account_id = self.scope(actor, account_id)
        found = [
            did
            for did in self.directory.entries(Did)
            if (account_id is None or did.account_id == account_id)
            and (p2p_enabled is None or did.p2p_enabled is p2p_enabled)
            and number in did.number
        ]
        part = cut(ordered(found, sort, _ORDER, "number"), page, size)
        return Slice(self._rows(part.items), part.total, part.number, part.size)

    def did(self, actor: Actor, number: str) -> tuple[Did, int]:
        """Return a DID and its version. Raises `NotFound`."""
        actor.must(Permission.SEE)
        did = self._seen(actor, self.directory.did(number), "number")
        return did, self.version(did)

    def _rows(self, dids: tuple[Did, ...]) -> tuple[DidRow, ...]:
        accounts, shown = {did.account_id for did in dids}, frozenset(did.number for did in dids)
        any_did = dict.fromkeys(accounts, 0)
        listed: dict[str, list[str]] = {}
        for trunk in self.directory.entries(Trunk):
            if trunk.deleted_at is not None or trunk.account_id not in accounts:
                continue
            if trunk.allow_any_did:
                any_did[trunk.account_id] += 1
            for number in shown & self.directory.sources_of(trunk):
                listed.setdefault(number, []).append(trunk.name)
        return tuple(
            DidRow(
                did,
                tuple(sorted(listed.get(did.number, ()))[:MAX_USERS_LISTED]),
                len(listed.get(did.number, ())),
                any_did[did.account_id] if did.p2p_enabled else 0,
            )
            for did in dids
        )

    async def create_did(self, actor: Actor, account_id: str | None, number: str, *, p2p_enabled: bool) -> Did:
        """Give an account a number that nobody has."""
        actor.must(Permission.OPERATE)
        did = Did.model_construct(
            number=number, account_id=self.one_account(actor, account_id), p2p_enabled=p2p_enabled
        )
        async with self._changing:
            if self.directory.did(number) is not None:
                raise RuleViolated([("number", "is there already")])
            with places_of(did):
                await self._save(actor, "did.created", did)
        return did

    async def set_p2p(
        self, actor: Actor, number: str, *, enabled: bool, expected_version: int | None = None
    ) -> tuple[Did, int]:
        """Let a number be the sender of SMS, or not. Raises `RuleViolated` while a trunk lists it."""
        actor.must(Permission.OPERATE)
        async with self._changing:
            did, _ = self.did(actor, number)
            self._expect(did, expected_version)
            await self._save(actor, "did.updated", did.model_copy(update={"p2p_enabled": enabled}))
        return self.did(actor, number)

    async def remove_did(self, actor: Actor, number: str, expected_version: int | None = None) -> None:
        """Take a number away. Raises `RuleViolated` while a trunk lists it."""
        actor.must(Permission.OPERATE)
        async with self._changing:
            did, _ = self.did(actor, number)
            self._expect(did, expected_version)
            await self._save(actor, "did.removed", Removal(Did, number))

    async def import_dids_csv(self, actor: Actor, account_id: str | None, text: str) -> ImportReport:
        """Add numbers from CSV, `number,p2p_enabled` a line; all of them, or none.

        The flag may be left out (no). A first line that begins with `number` is a heading. Raises `RuleViolated`
        with places `line 3`, at most a hundred of them.
        """
        actor.must(Permission.OPERATE)
        owner = self.one_account(actor, account_id)
        wanted, problems = _parse(text)
        async with self._changing:
            changes: list[Did] = []
            added = 0
            for number, (line, enabled) in wanted.items():
                held = self.directory.did(number)
                if held is not None and held.account_id != owner:
                    problems.append((f"line {line}", f"{number} belongs to another account"))
                    continue
                added += held is None
                if held is None or held.p2p_enabled is not enabled:
                    changes.append(Did(number=number, account_id=owner, p2p_enabled=enabled))
            if problems:
                raise RuleViolated(problems[:MAX_PROBLEMS])
            report = ImportReport(added, len(changes) - added, len(wanted) - len(changes))
            if changes:
                about = f"{report.added} added, {report.changed} changed"
                await self._save(actor, "did.imported", *changes, about=about, account_id=owner)
        return report


def _parse(text: str) -> tuple[dict[str, tuple[int, bool]], list[tuple[str, str]]]:
    """Return (line, flag) by number, and what is wrong."""
    wanted: dict[str, tuple[int, bool]] = {}
    problems: list[tuple[str, str]] = []
    # NUL and a lone quote that swallows the rest are errors of the csv module; one line is one record here.
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > MAX_IMPORT_LINES:
        return {}, [("text", f"has {len(lines)} lines; at most {MAX_IMPORT_LINES} can be imported at once")]
    for line, content in enumerate(lines, start=1):
        if not content.strip() or (line == 1 and content.lstrip(' "').lower().startswith("number")):
            continue
        if len(problems) >= MAX_PROBLEMS:
            break
        try:
            cells = next(csv.reader(io.StringIO(content), strict=True))
        except (csv.Error, StopIteration):
            problems.append((f"line {line}", "is not CSV"))
            continue
        number = cells[0].strip().removeprefix("+")
        flag = cells[1].strip().lower() if len(cells) > 1 else ""
        if len(cells) > 2:
            problems.append((f"line {line}", "has more than two columns"))
        elif MSISDN.fullmatch(number) is None or not is_possible(number):
            problems.append((f"line {line}", f"{cells[0][:32]!a} is not a phone number in international format"))
        elif flag not in _YES | _NO:
            problems.append((f"line {line}", f"{flag[:32]!a} is neither yes nor no"))
        elif number in wanted:
            problems.append((f"line {line}", f"{number} was on line {wanted[number][0]} already"))
        else:
            wanted[number] = line, flag in _YES
    if not wanted and not problems:
        problems.append(("text", "holds no numbers"))
    return wanted, problems
