"""Numbers: which DIDs an account has, who uses them, and how operators bring them in."""

from dataclasses import dataclass
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes, attributes_of
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice
from agents.panel.operations.numbers.numbers_csv import MAX_PROBLEMS, parse_numbers
from pipeline.errors import RuleViolated
from schemas.directory.account import Did, NumberCheck
from schemas.directory.trunk import Trunk

MAX_USERS_LISTED: Final = 5

_ORDERS: Final = {
    "number": lambda did: did.number,
    "p2p_enabled": lambda did: did.p2p_enabled,
}
DID_ORDERS: Final = tuple(_ORDERS)
"""What numbers can be sorted by; a minus before it reverses."""


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


class Numbers:
    """DIDs. Everybody sees the own account's; only operators change them."""

    def __init__(self, access: Access, changes: Changes) -> None:
        self._access = access
        self._changes = changes

    def list(
        self,
        actor: Actor,
        *,
        number: str = "",
        p2p_enabled: bool | None = None,
        account_id: str | None = None,
        paging: Paging = FIRST_PAGE,
    ) -> Slice[DidRow]:
        """Return the DIDs whose number contains the digits of `number`."""
        actor.must(Permission.SEE)
        account_id = self._access.scope(actor, account_id)
        found = [
            did
            for did in self._access.directory.entries(Did)
            if (account_id is None or did.account_id == account_id)
            and (p2p_enabled is None or did.p2p_enabled is p2p_enabled)
            and number in did.number
        ]
        part = paging.cut_sorted(found, _ORDERS)
        return Slice(self._rows(part.items), part.total, part.number, part.size)

    def get(self, actor: Actor, number: str) -> tuple[Did, int]:
        """Return a DID and its version. Raises `NotFound`."""
        actor.must(Permission.SEE)
        did = self._access.seen(actor, self._access.directory.did(number), "number")
        return did, self._changes.version(did)

    def _rows(self, dids: tuple[Did, ...]) -> tuple[DidRow, ...]:
        accounts, shown = {did.account_id for did in dids}, frozenset(did.number for did in dids)
        any_did = dict.fromkeys(accounts, 0)
        listed: dict[str, list[str]] = {}
        for trunk in self._access.directory.entries(Trunk):
            if trunk.deleted_at is not None or trunk.account_id not in accounts:
                continue
            if trunk.allow_any_did:
                any_did[trunk.account_id] += 1
            for number in shown & self._access.directory.sources_of(trunk):
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

    async def create(self, actor: Actor, account_id: str | None, number: str, *, p2p_enabled: bool) -> tuple[Did, int]:
        """Give an account a number that nobody has; return it and its version."""
        actor.must(Permission.OPERATE)
        owner = self._access.one_account(actor, account_id)
        did = Did.model_construct(number=number, account_id=owner, p2p_enabled=p2p_enabled)
        async with self._changes.exclusive:
            if self._access.directory.did(number) is not None:
                raise RuleViolated([("number", "is there already, in this or another account")])
            with attributes_of(did):
                await self._changes.write(actor, "did.created", did)
        return self.get(actor, number)

    async def set_p2p(
        self, actor: Actor, number: str, *, enabled: bool, expected_version: int | None = None
    ) -> tuple[Did, int]:
        """Let a number be the sender of SMS, or not. Raises `RuleViolated` while a trunk lists it."""
        actor.must(Permission.OPERATE)
        await self._changes.update(
            actor,
            "did.updated",
            lambda: self.get(actor, number)[0],
            lambda it: it.model_copy(update={"p2p_enabled": enabled}),
            expected_version,
        )
        return self.get(actor, number)

    async def delete(self, actor: Actor, number: str, expected_version: int | None = None) -> None:
        """Take a number away. Raises `RuleViolated` while a trunk lists it."""
        actor.must(Permission.OPERATE)
        await self._changes.remove(actor, "did.removed", lambda: self.get(actor, number)[0], expected_version)

    async def import_csv(self, actor: Actor, account_id: str | None, text: str) -> ImportReport:
        """Add the numbers of a CSV text: all of them, or none.

        Raises `RuleViolated` with what `parse_numbers` finds wrong, and with numbers of other accounts.
        """
        actor.must(Permission.OPERATE)
        owner = self._access.one_account(actor, account_id)
        account = self._access.directory.account(owner)
        check = NumberCheck.PLAN if account is None else account.checks
        wanted, problems = parse_numbers(text, check)
        async with self._changes.exclusive:
            changes: list[Did] = []
            added = 0
            for number, (line, enabled) in wanted.items():
                held = self._access.directory.did(number)
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
                await self._changes.write_all(actor, "did.imported", *changes, about=about, account_id=owner)
        return report
