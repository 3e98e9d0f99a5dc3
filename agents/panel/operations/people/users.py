"""Users of the panel, and their passwords."""

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice
from agents.panel.operations.errors import NotFound
from agents.panel.operations.people.passwords import generated_password, password_problem
from agents.panel.operations.ports import Clock, PasswordHasher
from pipeline.errors import RuleViolated
from schemas.directory.people import Invitation, PanelRole, PanelUser
from schemas.identifiers import uuid7

TOKEN_BYTES: Final = 32
INVITED_FOR: Final = timedelta(days=7)
_ORDERS: Final = {
    "email": lambda it: it.email.casefold(),
    "role": lambda it: it.role.value,
    "blocked": lambda it: it.blocked,
}


class Users:
    """Everybody sees who is in the own account; owners and operators change it."""

    def __init__(self, access: Access, changes: Changes, hasher: PasswordHasher, clock: Clock) -> None:
        self._access = access
        self._changes = changes
        self._hasher = hasher
        self._clock = clock

    def list(self, actor: Actor, *, account_id: str | None = None, paging: Paging = FIRST_PAGE) -> Slice[PanelUser]:
        """Return the users of an account; operators are listed for operators only."""
        actor.must(Permission.SEE)
        account_id = self._access.scope(actor, account_id)
        found = [it for it in self._access.directory.entries(PanelUser) if account_id in (None, it.account_id)]
        return paging.cut_sorted(found, _ORDERS)

    def get(self, actor: Actor, user_id: str) -> tuple[PanelUser, int]:
        """Return a user and its version. Raises `NotFound`."""
        actor.must(Permission.SEE)
        user = self._access.seen(actor, self._access.directory.get(PanelUser, user_id), "user")
        return user, self._changes.version(user)

    async def create(
        self, actor: Actor, email: str, role: PanelRole, *, account_id: str | None = None
    ) -> tuple[PanelUser, str]:
        """Create a user; return it with its password, which is made here and is to be shown once."""
        return await self._create(actor, email, role, account_id, generated_password(), None)

    async def invite(
        self, actor: Actor, email: str, role: PanelRole, *, account_id: str | None = None
    ) -> tuple[PanelUser, str]:
        """Create a user who chooses the own password; return it with the token of the invitation, to be shown once."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        invitation = Invitation(digest=_digest(token), expires_at=self._clock() + INVITED_FOR)
        user, _ = await self._create(actor, email, role, account_id, generated_password(), invitation)
        return user, token

    def invited(self, token: str) -> PanelUser:
        """Return who an invitation is for. Raises `NotFound` when it is none of ours, has been used or is too old."""
        wanted = _digest(token)
        for user in self._access.directory.entries(PanelUser):
            invitation = user.invitation
            if invitation is not None and hmac.compare_digest(invitation.digest, wanted) and not user.blocked:
                if invitation.expires_at > self._clock():
                    return user
                break
        raise NotFound("This invitation has been used, or is too old. Ask who has invited you for another one.")

    async def accept(self, token: str, new: str, repeated: str, ip: str | None) -> PanelUser:
        """Give who was invited the password that they chose; the invitation is used up. Raises as `invited` does."""
        user = self.invited(token)
        problems = []
        if (problem := password_problem(new, user.email)) is not None:
            problems.append(("new_password", problem))
        if repeated != new:
            problems.append(("again", "is not the same as the new password"))
        if problems:
            raise RuleViolated(problems)
        chosen = {"password_hash": await self._hasher.hash(new), "invitation": None}
        return await self._changes.update(
            Actor.of_user(user, ip),
            "invitation.accepted",
            lambda: self.invited(token),
            lambda it: it.model_copy(update=chosen),
        )

    async def _create(
        self,
        actor: Actor,
        email: str,
        role: PanelRole,
        account_id: str | None,
        password: str,
        invitation: Invitation | None,
    ) -> tuple[PanelUser, str]:
        actor.must(Permission.MANAGE_ACCESS)
        account_id, email = self._access.account_of_role(actor, role, account_id), email.strip()
        if problems := email_problems(email):
            raise RuleViolated(problems)
        password_hash = await self._hasher.hash(password)
        user = PanelUser(
            id=uuid7(), account_id=account_id, email=email, role=role, password_hash=password_hash,
            invitation=invitation,
        )  # fmt: skip
        await self._changes.create(actor, "user.created", user)
        return user, password

    async def update(
        self, actor: Actor, user_id: str, *, role: PanelRole, blocked: bool, expected_version: int | None = None
    ) -> None:
        """Change a user's role, or block it, which ends its sessions. Nobody can do that to oneself."""
        actor.must(Permission.MANAGE_ACCESS)

        def changed(user: PanelUser) -> PanelUser:
            _not_oneself(actor, user)
            if (role is PanelRole.OPERATOR) != (user.role is PanelRole.OPERATOR):
                raise RuleViolated([("role", "operators have no account, everybody else has one: make a new user")])
            return user.model_copy(update={"role": role, "blocked": blocked})

        await self._changes.update(
            actor, "user.updated", lambda: self.get(actor, user_id)[0], changed, expected_version
        )

    async def reset_password(self, actor: Actor, user_id: str) -> str:
        """Give a user a new password and return it, to be shown once; its sessions end, and no code is asked for."""
        actor.must(Permission.MANAGE_ACCESS)
        self.get(actor, user_id)
        password = generated_password()
        renewed = {"password_hash": await self._hasher.hash(password), "second_factor": None, "invitation": None}
        await self._changes.update(
            actor,
            "user.password_reset",
            lambda: self.get(actor, user_id)[0],
            # Whoever has lost the phone too gets in again.
            lambda it: it.model_copy(update=renewed),
        )
        return password

    async def change_own_password(self, actor: Actor, old: str, new: str, repeated: str) -> PanelUser:
        """Change the password of the one who is logged in; all other sessions end. `repeated` is typed a second time.

        Raises `RuleViolated` with everything that is wrong with the three.
        """
        user = self._oneself(actor)
        problems = []
        if not await self._hasher.verify(user.password_hash, old):
            problems.append(("old_password", "is not your password"))
        if (problem := password_problem(new, user.email)) is not None:
            problems.append(("new_password", problem))
        if repeated != new:
            problems.append(("again", "is not the same as the new password"))
        if problems:
            raise RuleViolated(problems)
        password_hash = await self._hasher.hash(new)
        return await self._changes.update(
            actor,
            "user.password_changed",
            lambda: self._oneself(actor),
            lambda it: it.model_copy(update={"password_hash": password_hash}),
        )

    async def delete(self, actor: Actor, user_id: str) -> None:
        """Remove a user; its sessions end. Nobody can remove oneself."""
        actor.must(Permission.MANAGE_ACCESS)

        def removed() -> PanelUser:
            user, _ = self.get(actor, user_id)
            _not_oneself(actor, user)
            return user

        await self._changes.remove(actor, "user.removed", removed)

    def _oneself(self, actor: Actor) -> PanelUser:
        user = self._access.directory.get(PanelUser, actor.id) if actor.kind == "user" else None
        if user is None:
            raise RuleViolated([("old_password", "only a person has a password")])
        return user


def email_problems(email: str) -> list[tuple[str, str]]:
    """Return what is wrong with the address of a new user."""
    problem = _email_problem(email)
    return [] if problem is None else [("email", problem)]


def _digest(token: str) -> str:
    return hashlib.sha256(token[:128].encode("utf-8", "surrogatepass")).hexdigest()


def _not_oneself(actor: Actor, user: PanelUser) -> None:
    if actor.id == user.id:
        raise RuleViolated([("user", "you cannot do this to yourself")])


def _email_problem(email: str) -> str | None:
    # Whether it is somebody's address no rule can tell; it is what people log in with.
    name, at, domain = email.rpartition("@")
    if not (name and at and domain) or not email.isprintable() or " " in email or len(email) > 254:
        return "must be an email address, like name@example.com"
    return None
