"""The second factor of people: a secret that their authenticator app and the panel share."""

from agents.panel.operations.actor import Actor
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.errors import NotFound
from agents.panel.operations.ports import CredentialKeys
from pipeline.errors import RuleViolated
from schemas.directory.people import PanelUser, SecondFactor

VERSION = 1  # of what is sealed: it is replaced whole


class SecondFactors:
    """Everybody's own. That a code is right is the caller's question, who has the clock and the tries."""

    def __init__(self, access: Access, changes: Changes, keys: CredentialKeys) -> None:
        self._access = access
        self._changes = changes
        self._keys = keys

    def of(self, user: PanelUser) -> str | None:
        """Return a user's secret, None without a second factor. Raises `SecretUnreadable` when its key is gone."""
        factor = user.second_factor
        return None if factor is None else self._keys.sealer.open_text(user.id, VERSION, factor.sealed, factor.key_id)

    def own(self, actor: Actor) -> PanelUser:
        """Return the user who is acting. Raises `NotFound` for a program."""
        user = self._access.directory.get(PanelUser, actor.id) if actor.kind == "user" else None
        if user is None:
            raise NotFound("Only a person has a second factor.")
        return user

    async def switch_on(self, actor: Actor, secret: str) -> None:
        """Ask this person for a code from now on."""
        sealer = self._keys.sealer
        factor = SecondFactor(sealed=sealer.seal(self.own(actor).id, VERSION, secret), key_id=sealer.current_key_id)
        await self._changes.update(
            actor,
            "second_factor.switched_on",
            lambda: self.own(actor),
            lambda it: it.model_copy(update={"second_factor": factor}),
        )

    async def switch_off(self, actor: Actor) -> None:
        """Ask for no code any more."""
        if self.own(actor).second_factor is None:
            raise RuleViolated([("code", "there is no second factor to switch off")])
        await self._changes.update(
            actor,
            "second_factor.switched_off",
            lambda: self.own(actor),
            lambda it: it.model_copy(update={"second_factor": None}),
        )
