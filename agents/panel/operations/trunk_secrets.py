"""Passwords and signing secrets of trunks: shown on demand, replaced on demand, each time with an audit event."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.desk import places_of
from agents.panel.operations.trunks import Trunks
from pipeline.directory.credentials import new_callback_secret, new_password_verifier
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
    version: int
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


class TrunkSecrets(Trunks):
    """What only a role with `REVEAL_SECRETS` gets to see."""

    def credentials(self, actor: Actor, trunk_id: str) -> Credentials:
        """Return everything about a trunk's credentials but the password."""
        actor.must(Permission.SEE)
        trunk = self._trunk(actor, trunk_id)
        return Credentials(
            trunk.id,
            trunk.name,
            trunk.credentials[0].username,
            trunk.credentials_version,
            self._tools.limits.ingress_urls,
            trunk.allowed_ips,
            None if trunk.allow_any_did else trunk.allowed_sources,
            self._in_grace(trunk.credentials[1].valid_until if len(trunk.credentials) > 1 else None),
        )

    async def reveal_password(self, actor: Actor, trunk_id: str) -> str:
        """Return the password. The audit event is written first: what could not be recorded is not shown.

        Raises `SecretUnreadable` when it was sealed with a key that is gone.
        """
        actor.must(Permission.REVEAL_SECRETS)
        trunk = self._trunk(actor, trunk_id)
        password = self._tools.sealer.open(trunk.id, trunk.credentials[0])
        await self._note(actor, "password.revealed", trunk)
        return password

    async def regenerate(
        self,
        actor: Actor,
        trunk_id: str,
        *,
        renew_username: bool = False,
        grace_seconds: int = 0,
        expected_version: int | None = None,
    ) -> NewCredentials:
        """Give a trunk a new password at once; the one before works for `grace_seconds` more, 0 to a week."""
        actor.must(Permission.MANAGE_TRUNKS)
        actor.must(Permission.REVEAL_SECRETS)
        until = self._until("grace_seconds", grace_seconds)
        async with self._changing:
            trunk = self._trunk(actor, trunk_id)
            self._expect(trunk, expected_version)
            current = trunk.credentials[0]
            verifier, password = new_password_verifier(
                trunk.id,
                current.version + 1,
                self._tools.pepper,
                self._tools.sealer,
                username=None if renew_username else current.username,
            )
            old = (current.model_copy(update={"valid_until": until}),) if until else ()
            await self._save(actor, "password.regenerated", trunk.model_copy(update={"credentials": (verifier, *old)}))
        return NewCredentials(verifier.username, password, until)

    async def reveal_callback_secret(self, actor: Actor, trunk_id: str) -> SigningSecrets:
        """Return the signing secrets; recorded before they are shown."""
        actor.must(Permission.REVEAL_SECRETS)
        trunk = self._trunk(actor, trunk_id)
        await self._note(actor, "callback_secret.revealed", trunk)
        return self._signing_secrets(trunk)

    async def rotate_callback_secret(
        self, actor: Actor, trunk_id: str, *, valid_for_seconds: int, expected_version: int | None = None
    ) -> SigningSecrets:
        """Make a new signing secret; the one before signs along for `valid_for_seconds`, 0 to a week."""
        actor.must(Permission.MANAGE_TRUNKS)
        actor.must(Permission.REVEAL_SECRETS)
        until = self._until("valid_for_seconds", valid_for_seconds)
        async with self._changing:
            trunk = self._trunk(actor, trunk_id)
            self._expect(trunk, expected_version)
            old = (trunk.callback_secrets[0].model_copy(update={"valid_until": until}),) if until else ()
            changed = trunk.model_copy(update={"callback_secrets": (new_callback_secret(), *old)})
            with places_of(changed):
                await self._save(actor, "callback_secret.rotated", changed)
        return self._signing_secrets(changed)

    def _signing_secrets(self, trunk: Trunk) -> SigningSecrets:
        current, *replaced = trunk.callback_secrets
        until = self._in_grace(replaced[0].valid_until) if replaced else None
        return SigningSecrets(current.secret, replaced[0].secret if until else None, until)

    def _in_grace(self, until: datetime | None) -> datetime | None:
        return until if until is not None and until > self._tools.clock() else None

    def _until(self, place: str, seconds: int) -> datetime | None:
        if not 0 <= seconds <= MAX_GRACE_SECONDS:
            raise RuleViolated([(place, f"must be 0 to {MAX_GRACE_SECONDS} seconds")])
        return self._tools.clock() + timedelta(seconds=seconds) if seconds else None

    async def _note(self, actor: Actor, action: str, trunk: Trunk) -> None:
        event = self.event(
            actor, action, account_id=trunk.account_id, target=f"trunk:{trunk.id}", target_name=trunk.name
        )
        await self._tools.audit.record(event)
