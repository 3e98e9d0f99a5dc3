"""Trunks: listing, creating, changing, deleting."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NoReturn

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes, attributes_of
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice, natural
from agents.panel.operations.limits import LimitSettings, must_set_limits
from agents.panel.operations.ports import Clock, CredentialKeys
from agents.panel.operations.trunks.callback_settings import CallbackSettings, changed_options
from agents.panel.operations.trunks.countries import expensive_countries
from pipeline.directory.credentials import new_callback_secret
from pipeline.directory.rules.check import check
from pipeline.directory.values import name_key, normalize_networks
from pipeline.errors import RuleViolated
from pipeline.http.addresses import AddressGuard
from schemas.directory.account import Did
from schemas.directory.callback_options import CallbackOptions
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.text.smart_encoding import SmartEncoding
from schemas.urls import punycoded

MAX_AT_ONCE: Final = 1000


class TrunkSettings(LimitSettings, total=False):
    """What a trunk's form or a request sets; what is left out stays as it is, or takes its default."""

    name: str
    callback_url: str | None
    callbacks: CallbackSettings | None  # None is as usual
    callback_disabled_at: None  # None enables the endpoint again; only the system disables one
    allowed_ips: Sequence[str]
    allow_any_did: bool
    allowed_sources: Sequence[str]
    blocked: bool
    receipts_enabled: bool
    refused_countries: Sequence[str]  # a new trunk's are the expensive ones
    smart_encoding: SmartEncoding


_ORDERS: Final = {
    "name": lambda trunk: natural(trunk.name),
    "callback_url": lambda trunk: trunk.callback_url or "",
    "allowed_ips": lambda trunk: len(trunk.allowed_ips),
    "sources": lambda trunk: (trunk.allow_any_did, len(trunk.allowed_sources)),
    "blocked": lambda trunk: trunk.blocked,
    "created_at": lambda trunk: trunk.created_at,
}
TRUNK_ORDERS: Final = tuple(_ORDERS)
"""What trunks can be sorted by; a minus before it reverses."""


class Trunks:
    """Trunks in service. One that was deleted is not there any more."""

    def __init__(
        self, access: Access, changes: Changes, keys: CredentialKeys, clock: Clock, callback_addresses: AddressGuard
    ) -> None:
        self._access = access
        self._changes = changes
        self._keys = keys
        self._clock = clock
        self._callback_addresses = callback_addresses

    def list(
        self,
        actor: Actor,
        *,
        name: str = "",
        blocked: bool | None = None,
        account_id: str | None = None,
        paging: Paging = FIRST_PAGE,
    ) -> Slice[Trunk]:
        """Return the trunks whose name contains `name`, upper and lower case alike."""
        actor.must(Permission.SEE)
        account_id, wanted = self._access.scope(actor, account_id), name_key(name)
        found = [
            trunk
            for trunk in self._access.directory.entries(Trunk)
            if trunk.deleted_at is None
            and (account_id is None or trunk.account_id == account_id)
            and (blocked is None or trunk.blocked is blocked)
            and (not wanted or wanted in name_key(trunk.name))
        ]
        return paging.cut_sorted(found, _ORDERS)

    def get(self, actor: Actor, trunk_id: str) -> tuple[Trunk, int]:
        """Return a trunk and its version. Raises `NotFound`."""
        actor.must(Permission.SEE)
        trunk = self._access.trunk(actor, trunk_id)
        return trunk, self._changes.version(trunk)

    def propose_name(self, actor: Actor, account_id: str | None = None) -> str:
        """Return the first `Outbound SMS trunk N` that the account has not."""
        account_id = self._access.scope(actor, account_id)
        taken = {
            name_key(trunk.name)
            for trunk in self._access.directory.entries(Trunk)
            if trunk.deleted_at is None and trunk.account_id == account_id
        }
        number = next(n for n in range(1, len(taken) + 2) if name_key(f"Outbound SMS trunk {n}") not in taken)
        return f"Outbound SMS trunk {number}"

    def refused_at_first(self, actor: Actor, account_id: str | None = None) -> tuple[str, ...]:
        """Return the countries that a new trunk of an account does not send to."""
        actor.must(Permission.SEE)
        account_id = self._access.one_account(actor, account_id)
        return expensive_countries(self._access.directory, account_id)

    async def create(self, actor: Actor, settings: TrunkSettings, account_id: str | None = None) -> tuple[Trunk, str]:
        """Create a trunk, and return it with its password.

        Raises `RuleViolated` with attributes like `name` and `allowed_ips/2`.
        """
        actor.must(Permission.MANAGE_TRUNKS)
        must_set_limits(actor, {name: value for name, value in settings.items() if value is not None})
        account_id, trunk_id = self._access.one_account(actor, account_id), uuid7()
        verifier, password = self._keys.new_verifier(trunk_id, 1)
        blank = Trunk.model_construct(
            id=trunk_id,
            account_id=account_id,
            name="",
            credentials=(verifier,),
            callback_secrets=(new_callback_secret(),),
            created_at=self._clock(),
        )
        if "refused_countries" not in settings:
            settings = {**settings, "refused_countries": self.refused_at_first(actor, account_id)}
        await self._changes.create(actor, "trunk.created", self._changed(blank, settings))
        return self._access.trunk(actor, trunk_id), password

    async def update(
        self, actor: Actor, trunk_id: str, settings: TrunkSettings, expected_version: int | None = None
    ) -> tuple[Trunk, int]:
        """Change a trunk; return it and its new version.

        Raises `Conflict` when `expected_version` is not its version, and `RuleViolated` as `create` does.
        """
        actor.must(Permission.MANAGE_TRUNKS)
        must_set_limits(actor, settings)
        await self._changes.update(
            actor,
            "trunk.updated",
            lambda: self._access.trunk(actor, trunk_id),
            lambda it: self._changed(it, settings),
            expected_version,
        )
        return self.get(actor, trunk_id)

    async def delete(
        self, actor: Actor, trunk_ids: Sequence[str], expected_version: int | None = None
    ) -> tuple[Trunk, ...]:
        """Delete all of the trunks or none; return them. What is in flight still finishes and is called back."""
        actor.must(Permission.MANAGE_TRUNKS)
        wanted = tuple(dict.fromkeys(trunk_ids))
        if len(wanted) > MAX_AT_ONCE:
            raise RuleViolated([("ids", f"at most {MAX_AT_ONCE} trunks can be deleted at once")])
        async with self._changes.exclusive:
            trunks = tuple(self._access.trunk(actor, trunk_id) for trunk_id in wanted)
            for trunk in trunks:
                self._changes.expect(trunk, expected_version)
            now = self._clock()
            gone = [trunk.model_copy(update={"deleted_at": now}) for trunk in trunks]
            await self._changes.write(actor, "trunk.deleted", *gone)
        return trunks

    def available_sources(self, actor: Actor, account_id: str | None = None) -> tuple[str, ...]:
        """Return the numbers that the account's trunks can send from: its P2P-enabled DIDs, sorted."""
        actor.must(Permission.SEE)
        account_id = self._access.scope(actor, account_id)
        dids = self._access.directory.entries(Did)
        return tuple(sorted(did.number for did in dids if did.p2p_enabled and did.account_id == account_id))

    def sources_of(self, actor: Actor, trunk_id: str) -> tuple[str, ...]:
        """Return what a trunk may send from now: its account's names and short codes, then numbers, both sorted."""
        trunk = self._access.trunk(actor, trunk_id)
        if trunk.allow_any_did:
            senders = self._access.directory.entries(Sender)
            registered = sorted(it.address for it in senders if it.account_id == trunk.account_id)
            return (*registered, *self.available_sources(actor, trunk.account_id))
        listed = self._access.directory.sources_of(trunk)
        return tuple(sorted(number for number in listed if self._may_send_from(trunk, number)))

    def _may_send_from(self, trunk: Trunk, number: str) -> bool:
        did = self._access.directory.did(number)
        return did is not None and did.p2p_enabled and did.account_id == trunk.account_id

    def _changed(self, trunk: Trunk, settings: TrunkSettings) -> Trunk:
        """Return the trunk with `settings`. Raises `RuleViolated` for entries that are no networks, and the rest."""
        update: dict[str, Any] = dict(settings)
        if "name" in update:
            update["name"] = update["name"].strip()
        if "callback_url" in update:
            update["callback_url"] = punycoded((update["callback_url"] or "").strip()) or None
        if "allowed_sources" in update:
            update["allowed_sources"] = tuple(update["allowed_sources"])
        if "refused_countries" in update:
            update["refused_countries"] = tuple(dict.fromkeys(update["refused_countries"])) or None
        if update.get("smart_encoding") is SmartEncoding.OFF:
            update["smart_encoding"] = None
        problems: list[tuple[str, str]] = []
        if "callbacks" in settings:
            wanted = settings["callbacks"]
            try:
                update["callbacks"] = (
                    None
                    if wanted is None
                    else changed_options(trunk.id, trunk.callbacks, wanted, self._keys.callback_sealer)
                )
            except RuleViolated as bad:
                del update["callbacks"]
                problems += bad.problems
            else:
                problems += self._never_called("callbacks/failover_url", _failover(update["callbacks"]))
        networks = update.pop("allowed_ips", None)
        if update.get("callback_url", trunk.callback_url) != trunk.callback_url:
            update["callback_disabled_at"] = None  # it was the other endpoint that wanted no more
            problems += self._never_called("callback_url", update["callback_url"])
        changed = trunk.model_copy(update=update)
        if networks is not None:
            try:
                changed = changed.model_copy(update={"allowed_ips": normalize_networks(networks)})
            except RuleViolated as bad:
                problems += bad.problems
        if problems:
            self._refuse(changed, problems)
        return changed

    def _refuse(self, changed: Trunk, problems: Sequence[tuple[str, str]]) -> NoReturn:
        """Raise `RuleViolated` with `problems` and whatever else is wrong with a trunk."""
        with attributes_of(changed):
            try:
                check([changed], self._access.directory)
            except RuleViolated as more:
                raise RuleViolated([*more.problems, *problems]) from None
        raise RuleViolated([*problems])

    def _never_called(self, where: str, url: str | None) -> Iterator[tuple[str, str]]:
        if url is not None and (problem := self._callback_addresses.problem(url)) is not None:
            yield where, problem


def _failover(options: CallbackOptions | None) -> str | None:
    return None if options is None else options.failover_url
