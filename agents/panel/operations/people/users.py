"""Users of the panel, and their passwords."""

from typing import Final

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice
from agents.panel.operations.people.passwords import generated_password, password_problem
from agents.panel.operations.ports import PasswordHasher
from pipeline.errors import RuleViolated
from schemas.directory.people import PanelRole, PanelUser
from schemas.identifiers import uuid7

_ORDERS: Final = {
    "email": lambda it: it.email.casefold(),
    "role": lambda it: it.role.value,
    "blocked": lambda it: it.blocked,
}


class Users:
    """Everybody sees who is in the own account; owners and operators change it."""

    def __init__(self, access: Access, changes: Changes, hasher: PasswordHasher) -> None:
        self._access = access
        self._changes = changes
        self._hasher = hasher

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
        actor.must(Permission.MANAGE_ACCESS)
        account_id, email = self._access.account_of_role(actor, role, account_id), email.strip()
        if problems := email_problems(email):
            raise RuleViolated(problems)
        password = generated_password()
        password_hash = await self._hasher.hash(password)
        user = PanelUser(id=uuid7(), account_id=account_id, email=email, role=role, password_hash=password_hash)
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
        """Give a user a new password and return it, to be shown once; its sessions end."""
        actor.must(Permission.MANAGE_ACCESS)
        self.get(actor, user_id)
        password = generated_password()
        password_hash = await self._hasher.hash(password)
        await self._changes.update(
            actor,
            "user.password_reset",
            lambda: self.get(actor, user_id)[0],
            lambda it: it.model_copy(update={"password_hash": password_hash}),
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


def _not_oneself(actor: Actor, user: PanelUser) -> None:
    if actor.id == user.id:
        raise RuleViolated([("user", "you cannot do this to yourself")])


def _email_problem(email: str) -> str | None:
    # Whether it is somebody's address no rule can tell; it is what people log in with.
    name, at, domain = email.rpartition("@")
    if not (name and at and domain) or not email.isprintable() or " " in email or len(email) > 254:
        return "must be an email address, like name@example.com"
    return None
