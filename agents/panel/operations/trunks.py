"""Trunks: listing, creating, changing, deleting."""

from collections.abc import Sequence
from typing import Any, Final, TypedDict

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.desk import Desk, places_of
from agents.panel.operations.errors import NotFound
from agents.panel.operations.slices import Slice, cut, natural, ordered
from pipeline.directory.credentials import new_callback_secret, new_password_verifier
from pipeline.directory.rules import check
from pipeline.directory.values import name_key, normalize_networks
from pipeline.errors import RuleViolated
from schemas.directory.account import Did
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7

MAX_AT_ONCE: Final = 1000


class TrunkSettings(TypedDict, total=False):
    """What a trunk's form or a request sets; what is left out stays as it is, or takes its default."""

    name: str
    callback_url: str | None
    callback_disabled_at: None  # None enables the endpoint again; only the system disables one
    allowed_ips: Sequence[str]
    allow_any_did: bool
    allowed_sources: Sequence[str]
    blocked: bool
    receipts_enabled: bool


_ORDER: Final = {
    "name": lambda trunk: natural(trunk.name),
    "callback_url": lambda trunk: trunk.callback_url or "",
    "allowed_ips": lambda trunk: len(trunk.allowed_ips),
    "sources": lambda trunk: (trunk.allow_any_did, len(trunk.allowed_sources)),
    "blocked": lambda trunk: trunk.blocked,
    "created_at": lambda trunk: trunk.created_at,
}
TRUNK_ORDERS: Final = tuple(_ORDER)
"""What trunks can be sorted by; a minus before it reverses."""


class Trunks(Desk):
    """Trunks in service. One that was deleted is not there any more."""

    def list_trunks(
        self,
        actor: Actor,
        *,
        name: str = "",
        blocked: bool | None = None,
        account_id: str | None = None,
        sort: str = "name",
        page: int = 1,
        size: int = 50,
    ) -> Slice[Trunk]:
        """Return the trunks whose name contains `name`, upper and lower case alike."""
        actor.must(Permission.SEE)
        account_id, wanted = self.scope(actor, account_id), name_key(name)
        found = [
            trunk
            for trunk in self.directory.entries(Trunk)
            if trunk.deleted_at is None
            and (account_id is None or trunk.account_id == account_id)
            and (blocked is None or trunk.blocked is blocked)
            and (not wanted or wanted in name_key(trunk.name))
        ]
        return cut(ordered(found, sort, _ORDER, "name"), page, size)

    def trunk(self, actor: Actor, trunk_id: str) -> tuple[Trunk, int]:
        """Return a trunk and its version. Raises `NotFound`."""
        actor.must(Permission.SEE)
        trunk = self._trunk(actor, trunk_id)
        return trunk, self.version(trunk)

    def propose_trunk_name(self, actor: Actor, account_id: str | None = None) -> str:
        """Return the first `Outbound SMS trunk N` that the account has not."""
        account_id = self.scope(actor, account_id)
        taken = {
            name_key(trunk.name)
            for trunk in self.directory.entries(Trunk)
            if trunk.deleted_at is None and trunk.account_id == account_id
        }
        number = next(n for n in range(1, len(taken) + 2) if name_key(f"Outbound SMS trunk {n}") not in taken)
        return f"Outbound SMS trunk {number}"

    async def create_trunk(
        self, actor: Actor, settings: TrunkSettings, account_id: str | None = None
    ) -> tuple[Trunk, str]:
        """Create a trunk, and return it with its password.

        Raises `RuleViolated` with places like `name` and `allowed_ips/2`.
        """
        actor.must(Permission.MANAGE_TRUNKS)
        account_id, trunk_id = self.one_account(actor, account_id), uuid7()
        verifier, password = new_password_verifier(trunk_id, 1, self._tools.pepper, self._tools.sealer)
        blank = Trunk.model_construct(
            id=trunk_id,
            account_id=account_id,
            name="",
            credentials=(verifier,),
            callback_secrets=(new_callback_secret(),),
            created_at=self._tools.clock(),
        )
        async with self._changing:
            trunk = self._changed(blank, settings)
            with places_of(trunk):
                await self._save(actor, "trunk.created", trunk)
        return self._trunk(actor, trunk_id), password

    async def update_trunk(
        self, actor: Actor, trunk_id: str, settings: TrunkSettings, expected_version: int | None = None
    ) -> tuple[Trunk, int]:
        """Change a trunk; return it and its new version.

        Raises `Conflict` when `expected_version` is not its version, and `RuleViolated` as `create_trunk` does.
        """
        actor.must(Permission.MANAGE_TRUNKS)
        async with self._changing:
            before = self._trunk(actor, trunk_id)
            self._expect(before, expected_version)
            trunk = self._changed(before, settings)
            with places_of(trunk):
                await self._save(actor, "trunk.updated", trunk)
        return self.trunk(actor, trunk_id)

    async def delete_trunks(
        self, actor: Actor, trunk_ids: Sequence[str], expected_version: int | None = None
    ) -> tuple[Trunk, ...]:
        """Delete all of the trunks or none; return them. What is in flight still finishes and is called back."""
        actor.must(Permission.MANAGE_TRUNKS)
        wanted = tuple(dict.fromkeys(trunk_ids))
        if len(wanted) > MAX_AT_ONCE:
            raise RuleViolated([("ids", f"at most {MAX_AT_ONCE} trunks can be deleted at once")])
        async with self._changing:
            trunks = tuple(self._trunk(actor, trunk_id) for trunk_id in wanted)
            for trunk in trunks:
                self._expect(trunk, expected_version)
            now = self._tools.clock()
            gone = [trunk.model_copy(update={"deleted_at": now}) for trunk in trunks]
            await self._save(actor, "trunk.deleted", *gone)
        return trunks

    def available_sources(self, actor: Actor, account_id: str | None = None) -> tuple[str, ...]:
        """Return the numbers that the account's trunks can send from: its P2P-enabled DIDs, sorted."""
        actor.must(Permission.SEE)
        account_id = self.scope(actor, account_id)
        return tuple(
            sorted(
                did.number for did in self.directory.entries(Did) if did.p2p_enabled and did.account_id == account_id
            )
        )

    def sources_of(self, actor: Actor, trunk_id: str) -> tuple[str, ...]:
        """Return the numbers that a trunk may send from now, sorted."""
        trunk = self._trunk(actor, trunk_id)
        if trunk.allow_any_did:
            return self.available_sources(actor, trunk.account_id)
        return tuple(
            sorted(number for number in self.directory.sources_of(trunk) if self._may_send_from(trunk, number))
        )

    def _may_send_from(self, trunk: Trunk, number: str) -> bool:
        did = self.directory.did(number)
        return did is not None and did.p2p_enabled and did.account_id == trunk.account_id

    def _trunk(self, actor: Actor, trunk_id: str) -> Trunk:
        trunk = self._seen(actor, self.directory.trunk(trunk_id), "trunk")
        if trunk.deleted_at is not None:
            raise NotFound("There is no such trunk.")
        return trunk

    def _changed(self, trunk: Trunk, settings: TrunkSettings) -> Trunk:
        """Return the trunk with `settings`. Raises `RuleViolated` for entries that are no networks, and the rest."""
        update: dict[str, Any] = dict(settings)
        if "name" in update:
            update["name"] = update["name"].strip()
        if "callback_url" in update:
            update["callback_url"] = (update["callback_url"] or "").strip() or None
        if "allowed_sources" in update:
            update["allowed_sources"] = tuple(update["allowed_sources"])
        networks = update.pop("allowed_ips", None)
        if update.get("callback_url", trunk.callback_url) != trunk.callback_url:
            update["callback_disabled_at"] = None  # it was the other endpoint that wanted no more
        changed = trunk.model_copy(update=update)
        if networks is None:
            return changed
        try:
            return changed.model_copy(update={"allowed_ips": normalize_networks(networks)})
        except RuleViolated as bad:
            # Whatever else is wrong is told at the same time.
            with places_of(changed):
                try:
                    check([changed], self.directory)
                except RuleViolated as more:
                    raise RuleViolated([*more.problems, *bad.problems]) from None
                raise
