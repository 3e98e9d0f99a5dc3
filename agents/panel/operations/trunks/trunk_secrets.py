"""Passwords and signing secrets of trunks: shown on demand, replaced on demand, each time with an audit event."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.audit_trail import AuditTrail
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.ports import Clock, CredentialKeys
from pipeline.directory.credentials import new_callback_secret
from pipeline.errors import RuleViolated
from schemas.directory.trunk import Trunk

MAX_GRACE_SECONDS: Final = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the credentials window shows. `sources` is None while the trunk may use any P2P-enabled DID.

    `old_valid_until` is the end of the grace period of the password before, None when there is none.
    """

    trunk_id: str
    trunk_name: str
    username: str
    hosts: tuple[str, ...]
    allowed_ips: tuple[str, ...]
    sources: tuple[str, ...] | None
    old_valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class NewCredentials:
    """A username and password that work from now on, and until when the ones before do."""

    username: str
    password: str
    old_valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """The secret that signs callbacks, and the one before while it signs too."""

    current: str
    old: str | None
    old_valid_until: datetime | None


class TrunkSecrets:
    """What only a role with `REVEAL_SECRETS` gets to see. `hosts` are the URLs of ingress, shown beside it."""

    def __init__(
        self,
        access: Access,
        changes: Changes,
        trail: AuditTrail,
        keys: CredentialKeys,
        clock: Clock,
        hosts: tuple[str, ...],
    ) -> None:
        self._access = access
        self._changes = changes
        self._trail = trail
        self._keys = keys
        self._clock = clock
        self._hosts = hosts

    def credentials(self, actor: Actor, trunk_id: str) -> Credentials:
        """Return everything about a trunk's credentials but the password."""
        actor.must(Permission.SEE)
        trunk = self._access.trunk(actor, trunk_id)
        return Credentials(
            trunk.id,
            trunk.name,
            trunk.credentials[0].username,
            self._hosts,
            trunk.allowed_ips,
            None if trunk.allow_any_did else trunk.allowed_sources,
            self._in_grace(trunk.credentials[1].valid_until if len(trunk.credentials) > 1 else None),
        )

    async def reveal_password(self, actor: Actor, trunk_id: str) -> str:
        """Return the password. The audit event is written first: what could not be recorded is not shown.

        Raises `SecretUnreadable` when it was sealed with a key that is gone.
        """
        actor.must(Permission.REVEAL_SECRETS)
        trunk = self._access.trunk(actor, trunk_id)
        password = self._keys.sealer.open(trunk.id, trunk.credentials[0])
        await self._record(actor, "password.revealed", trunk)
        return password

    async def regenerate_password(
        self, actor: Actor, trunk_id: str, *, renew_username: bool = False, grace_seconds: int = 0
    ) -> NewCredentials:
        """Give a trunk a new password at once; the one before works for `grace_seconds` more, 0 to a week."""
        actor.must(Permission.MANAGE_TRUNKS)
        actor.must(Permission.REVEAL_SECRETS)
        until = self._until("grace_seconds", grace_seconds)
        password = ""

        def renewed(trunk: Trunk) -> Trunk:
            nonlocal password
            current = trunk.credentials[0]
            username = None if renew_username else current.username
            verifier, password = self._keys.new_verifier(trunk.id, current.version + 1, username=username)
            old = (current.model_copy(update={"valid_until": until}),) if until else ()
            return trunk.model_copy(update={"credentials": (verifier, *old)})

        trunk = await self._update(actor, "password.regenerated", trunk_id, renewed)
        return NewCredentials(trunk.credentials[0].username, password, until)

    async def reveal_callback_secret(self, actor: Actor, trunk_id: str) -> SigningSecrets:
        """Return the signing secrets; recorded before they are shown."""
        actor.must(Permission.REVEAL_SECRETS)
        trunk = self._access.trunk(actor, trunk_id)
        await self._record(actor, "callback_secret.revealed", trunk)
        return self._signing_secrets(trunk)

    async def rotate_callback_secret(self, actor: Actor, trunk_id: str, *, valid_for_seconds: int) -> SigningSecrets:
        """Make a new signing secret; the one before signs along for `valid_for_seconds`, 0 to a week."""
        actor.must(Permission.MANAGE_TRUNKS)
        actor.must(Permission.REVEAL_SECRETS)
        until = self._until("valid_for_seconds", valid_for_seconds)

        def rotated(trunk: Trunk) -> Trunk:
            old = (trunk.callback_secrets[0].model_copy(update={"valid_until": until}),) if until else ()
            return trunk.model_copy(update={"callback_secrets": (new_callback_secret(), *old)})

        return self._signing_secrets(await self._update(actor, "callback_secret.rotated", trunk_id, rotated))

    async def _update(self, actor: Actor, action: str, trunk_id: str, change: Callable[[Trunk], Trunk]) -> Trunk:
        return await self._changes.update(actor, action, lambda: self._access.trunk(actor, trunk_id), change)

    def _signing_secrets(self, trunk: Trunk) -> SigningSecrets:
        current, *replaced = trunk.callback_secrets
        until = self._in_grace(replaced[0].valid_until) if replaced else None
        return SigningSecrets(current.secret, replaced[0].secret if until else None, until)

    def _in_grace(self, until: datetime | None) -> datetime | None:
        return until if until is not None and until > self._clock() else None

    def _until(self, attribute: str, seconds: int) -> datetime | None:
        if not 0 <= seconds <= MAX_GRACE_SECONDS:
            raise RuleViolated([(attribute, f"must be 0 to {MAX_GRACE_SECONDS} seconds")])
        return self._clock() + timedelta(seconds=seconds) if seconds else None

    async def _record(self, actor: Actor, action: str, trunk: Trunk) -> None:
        await self._trail.record(
            actor, action, account_id=trunk.account_id, target=f"trunk:{trunk.id}", target_name=trunk.name
        )
