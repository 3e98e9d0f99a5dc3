"""Users of the panel and their passwords."""

import secrets
from typing import Any, Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.desk import Desk, places_of
from agents.panel.operations.slices import Slice, cut, ordered
from pipeline.directory.rules import Removal
from pipeline.errors import RuleViolated
from schemas.directory.people import PanelRole, PanelUser
from schemas.identifiers import uuid7

MIN_PASSWORD_LENGTH: Final = 12
MAX_PASSWORD_LENGTH: Final = 1024
_GENERATED_BYTES: Final = 15

_ORDER: Final = {
    "email": lambda it: it.email.casefold(),
    "role": lambda it: it.role.value,
    "blocked": lambda it: it.blocked,
}


def password_problem(password: str, email: str) -> str | None:
    """Say what is wrong with a password that a person chose, or None. Length is what counts (NIST SP 800-63B)."""
    if len(password) < MIN_PASSWORD_LENGTH:
        return f"must have at least {MIN_PASSWORD_LENGTH} characters"
    if len(password) > MAX_PASSWORD_LENGTH:
        return f"must not have more than {MAX_PASSWORD_LENGTH} characters"
    if password.casefold() in (email.casefold(), email.partition("@")[0].casefold()):
        return "must not be the email address"
    if len(set(password)) < 4:
        return "must not repeat the same few characters"
    return None


def generated_password() -> str:
    """Return a password for somebody's first log-in: 120 random bits."""
    return secrets.token_urlsafe(_GENERATED_BYTES)


class People(Desk):
    """Users: everybody sees who is in the own account; owners and operators change it."""

    def list_users(
        self,
        actor: Actor,
        *,
        email: str = "",
        account_id: str | None = None,
        sort: str = "email",
        page: int = 1,
        size: int = 50,
    ) -> Slice[PanelUser]:
        """Return the users whose email address contains `email`; operators are listed for operators only."""
        actor.must(Permission.SEE)
        account_id = self.scope(actor, account_id)
        found = [
            it
            for it in self.directory.entries(PanelUser)
            if account_id in (None, it.account_id) and email.casefold() in it.email.casefold()
        ]
        return cut(ordered(found, sort, _ORDER, "email"), page, size)

    def user(self, actor: Actor, user_id: str) -> tuple[PanelUser, int]:
        """Return a user and its version."""
        actor.must(Permission.SEE)
        user = self._seen(actor, self.directory.get(PanelUser, user_id), "user")
        return user, self.version(user)

    async def create_user(
        self, actor: Actor, email: str, role: PanelRole, *, account_id: str | None = None, password: str | None = None
    ) -> tuple[PanelUser, str | None]:
        """Create a user; without `password` one is made and returned, to be shown once."""
        actor.must(Permission.MANAGE_ACCESS)
        account_id = self._account_for(actor, role, account_id)
        made = generated_password() if password is None else None
        wanted = made or password or ""
        problems = [("email", it)] if (it := _email_problem(email.strip())) else []
        if it := password_problem(wanted, email):
            problems.append(("password", it))
        if problems:
            raise RuleViolated(problems)
        password_hash = await self._tools.hasher.hash(wanted)
        user = PanelUser(id=uuid7(), account_id=account_id, email=email.strip(), role=role, password_hash=password_hash)
        async with self._changing:
            with places_of(user):
                await self._save(actor, "user.created", user)
        return user, made

    async def update_user(
        self,
        actor: Actor,
        user_id: str,
        *,
        role: PanelRole | None = None,
        blocked: bool | None = None,
        expected_version: int | None = None,
    ) -> tuple[PanelUser, int]:
        """Change a user's role, or block it, which ends its sessions. Nobody can do that to oneself."""
        actor.must(Permission.MANAGE_ACCESS)
        async with self._changing:
            before, _ = self.user(actor, user_id)
            self._expect(before, expected_version)
            self._not_oneself(actor, before)
            update: dict[str, Any] = {}
            if role is not None:
                if (role is PanelRole.OPERATOR) != (before.role is PanelRole.OPERATOR):
                    raise RuleViolated([("role", "operators have no account, everybody else has one: make a new user")])
                update["role"] = role
            if blocked is not None:
                update["blocked"] = blocked
            await self._save(actor, "user.updated", before.model_copy(update=update))
        return self.user(actor, user_id)

    async def reset_password(self, actor: Actor, user_id: str) -> str:
        """Give a user a new password and return it, to be shown once; its sessions end."""
        actor.must(Permission.MANAGE_ACCESS)
        self.user(actor, user_id)
        password = generated_password()
        password_hash = await self._tools.hasher.hash(password)
        async with self._changing:
            before, _ = self.user(actor, user_id)
            await self._save(actor, "user.password_reset", before.model_copy(update={"password_hash": password_hash}))
        return password

    async def change_own_password(self, actor: Actor, old: str, new: str) -> PanelUser:
        """Change the password of the one who is logged in; all other sessions end."""
        user = self._self(actor)
        if not await self._tools.hasher.verify(user.password_hash, old):
            raise RuleViolated([("old_password", "is not your password")])
        if it := password_problem(new, user.email):
            raise RuleViolated([("new_password", it)])
        password_hash = await self._tools.hasher.hash(new)
        async with self._changing:
            changed = self._self(actor).model_copy(update={"password_hash": password_hash})
            await self._save(actor, "user.password_changed", changed)
        return changed

    async def delete_user(self, actor: Actor, user_id: str, expected_version: int | None = None) -> None:
        """Remove a user; its sessions end. Nobody can remove oneself."""
        actor.must(Permission.MANAGE_ACCESS)
        async with self._changing:
            before, _ = self.user(actor, user_id)
            self._expect(before, expected_version)
            self._not_oneself(actor, before)
            await self._save(actor, "user.removed", Removal(PanelUser, user_id))

    def _self(self, actor: Actor) -> PanelUser:
        user = self.directory.get(PanelUser, actor.id) if actor.kind == "user" else None
        if user is None:
            raise RuleViolated([("old_password", "only a person has a password")])
        return user

    def _not_oneself(self, actor: Actor, user: PanelUser) -> None:
        if actor.id == user.id:
            raise RuleViolated([("user", "you cannot do this to yourself")])

    def _account_for(self, actor: Actor, role: PanelRole, account_id: str | None) -> str | None:
        """Return the account of a new user or key with `role`; only an operator makes operators."""
        if role is PanelRole.OPERATOR:
            actor.must(Permission.OPERATE)
            return None
        return self.one_account(actor, account_id)


def _email_problem(email: str) -> str | None:
    # Whether it is somebody's address no rule can tell; it is what people log in with.
    name, at, domain = email.rpartition("@")
    if not (name and at and domain) or not email.isprintable() or " " in email or len(email) > 254:
        return "must be an email address"
    return None
