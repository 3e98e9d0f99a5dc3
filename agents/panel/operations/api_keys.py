"""API keys: shown once, kept as a digest, revocable.

A key is `smsout_<id>_<43 characters>`: the id finds the record, and 256 random bits need no slow hash.
"""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.desk import places_of
from agents.panel.operations.people import People
from agents.panel.operations.slices import Slice, cut, natural, ordered
from pipeline.directory.rules import Removal
from schemas.directory.people import ApiKey, PanelRole
from schemas.identifiers import uuid7

PREFIX: Final = "smsout"
_SECRET_BYTES: Final = 32
_LONGEST: Final = 128
_ORDER: Final = {
    "name": lambda it: natural(it.name),
    "created_at": lambda it: it.created_at,
    "role": lambda it: it.role.value,
}


def new_api_key(now: datetime, name: str, role: PanelRole, account_id: str | None) -> tuple[ApiKey, str]:
    """Return a key's record and the key itself."""
    identity = uuid7()
    text = f"{PREFIX}_{identity.replace('-', '')}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    record = ApiKey.model_construct(
        id=identity, account_id=account_id, name=name, role=role, digest=_digest(text), hint=text[-4:],
        created_at=now,
    )  # fmt: skip
    return record, text


class ApiKeys(People):
    """Keys of the management API: everybody sees which there are, owners and operators make and revoke them."""

    def list_api_keys(
        self, actor: Actor, *, account_id: str | None = None, sort: str = "name", page: int = 1, size: int = 50
    ) -> Slice[ApiKey]:
        """Return the keys of an account; those of operators are listed for operators only."""
        actor.must(Permission.SEE)
        account_id = self.scope(actor, account_id)
        found = [it for it in self.directory.entries(ApiKey) if account_id in (None, it.account_id)]
        return cut(ordered(found, sort, _ORDER, "name"), page, size)

    def api_key(self, actor: Actor, api_key_id: str) -> ApiKey:
        """Return a key's record. Raises `NotFound`."""
        actor.must(Permission.SEE)
        return self._seen(actor, self.directory.get(ApiKey, api_key_id), "API key")

    async def create_api_key(
        self, actor: Actor, name: str, role: PanelRole, *, account_id: str | None = None
    ) -> tuple[ApiKey, str]:
        """Make a key; return its record and the key, which is not kept."""
        actor.must(Permission.MANAGE_ACCESS)
        record, text = new_api_key(self._tools.clock(), name.strip(), role, self._account_for(actor, role, account_id))
        async with self._changing:
            with places_of(record):
                await self._save(actor, "api_key.created", record)
        return record, text

    async def revoke_api_key(self, actor: Actor, api_key_id: str) -> None:
        """Remove a key: it is refused from now on."""
        actor.must(Permission.MANAGE_ACCESS)
        async with self._changing:
            self._seen(actor, self.directory.get(ApiKey, api_key_id), "API key")
            await self._save(actor, "api_key.revoked", Removal(ApiKey, api_key_id))

    def actor_of_api_key(self, text: str, ip: str | None) -> Actor | None:
        """Return who a key is, or None when it is none of ours or its account is gone or blocked."""
        record = self.directory.get(ApiKey, _identity(text))
        wanted = record.digest if record is not None else "0" * 64
        if not hmac.compare_digest(_digest(text), wanted) or record is None:
            return None
        if record.account_id is not None:
            account = self.directory.account(record.account_id)
            if account is None or account.blocked:
                return None
        return Actor.of_api_key(record, ip)


def _digest(text: str) -> str:
    return hashlib.sha256(text[:_LONGEST].encode("utf-8", "surrogatepass")).hexdigest()


def _identity(text: str) -> str:
    """Return the id that a key names, "" when it is not in a key's form."""
    parts = text.split("_", 2)
    if len(text) >= _LONGEST or len(parts) != 3 or parts[0] != PREFIX or len(parts[1]) != 32:
        return ""
    digits = parts[1]
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
