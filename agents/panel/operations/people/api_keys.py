"""API keys: shown once, kept as a digest, revocable.

A key is `smsout_<id>_<43 characters>`: the id finds the record, and 256 random bits need no slow hash.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice, natural
from agents.panel.operations.people.last_uses import LastUses
from agents.panel.operations.ports import Clock
from schemas.directory.people import ApiKey, PanelRole
from schemas.identifiers import uuid7

PREFIX: Final = "smsout"
_SECRET_BYTES: Final = 32
_LONGEST: Final = 128
_ORDERS: Final = {
    "name": lambda it: natural(it.name),
    "created_at": lambda it: it.created_at,
    "role": lambda it: it.role.value,
}


def new_api_key(
    now: datetime, name: str, role: PanelRole, account_id: str | None, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Return a key's record and the key itself."""
    identity = uuid7()
    text = f"{PREFIX}_{identity.replace('-', '')}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    record = ApiKey.model_construct(
        id=identity, account_id=account_id, name=name, role=role, digest=_digest(text), hint=text[-4:],
        created_at=now, expires_at=expires_at,
    )  # fmt: skip
    return record, text


class ApiKeys:
    """Everybody sees which there are, owners and operators make and revoke them."""

    def __init__(self, access: Access, changes: Changes, clock: Clock, last_uses: LastUses) -> None:
        self._access = access
        self._changes = changes
        self._clock = clock
        self._last_uses = last_uses

    def list(self, actor: Actor, *, account_id: str | None = None, paging: Paging = FIRST_PAGE) -> Slice[ApiKey]:
        """Return the keys of an account; those of operators are listed for operators only."""
        actor.must(Permission.SEE)
        account_id = self._access.scope(actor, account_id)
        found = [it for it in self._access.directory.entries(ApiKey) if account_id in (None, it.account_id)]
        return paging.cut_sorted(found, _ORDERS)

    def get(self, actor: Actor, api_key_id: str) -> ApiKey:
        """Return a key's record. Raises `NotFound`."""
        actor.must(Permission.SEE)
        return self._access.seen(actor, self._access.directory.get(ApiKey, api_key_id), "API key")

    async def create(
        self,
        actor: Actor,
        name: str,
        role: PanelRole,
        *,
        account_id: str | None = None,
        valid_for: timedelta | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key; return its record and the key, which is not kept. Without `valid_for` it never expires."""
        actor.must(Permission.MANAGE_ACCESS)
        account_id, now = self._access.account_of_role(actor, role, account_id), self._clock()
        record, text = new_api_key(now, name.strip(), role, account_id, now + valid_for if valid_for else None)
        await self._changes.create(actor, "api_key.created", record)
        return record, text

    async def revoke(self, actor: Actor, api_key_id: str) -> None:
        """Remove a key: it is refused from now on."""
        actor.must(Permission.MANAGE_ACCESS)
        await self._changes.remove(actor, "api_key.revoked", lambda: self.get(actor, api_key_id))

    def authenticate(self, text: str, ip: str | None) -> Actor | None:
        """Return who a key is, or None when it is none of ours, has expired, or its account is gone or blocked."""
        record = self._access.directory.get(ApiKey, _identity(text))
        wanted = record.digest if record is not None else "0" * 64
        if not hmac.compare_digest(_digest(text), wanted) or record is None:
            return None
        if record.expires_at is not None and record.expires_at <= self._clock():
            return None
        if record.account_id is not None:
            account = self._access.directory.account(record.account_id)
            if account is None or account.blocked:
                return None
        self._last_uses.note("apikey", record.id)
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
