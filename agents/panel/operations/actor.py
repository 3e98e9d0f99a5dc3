"""Who is acting, and what each role may do: the one table of permissions."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from agents.panel.operations.errors import Forbidden
from schemas.directory.people import ApiKey, PanelRole, PanelUser


class Permission(StrEnum):
    """What a role may or may not do. The words complete "is not allowed to ..."."""

    SEE = "see this"
    MANAGE_TRUNKS = "change trunks"
    REVEAL_SECRETS = "see passwords and signing secrets"
    SEND_SMS = "send messages"
    MANAGE_OPT_OUTS = "change opt-outs"
    MANAGE_ACCESS = "change users and API keys"
    OPERATE = "change accounts, numbers, carriers and routes"


_READ_ONLY: Final = frozenset({Permission.SEE})
_MEMBER: Final = _READ_ONLY | {
    Permission.MANAGE_TRUNKS,
    Permission.REVEAL_SECRETS,
    Permission.SEND_SMS,
    Permission.MANAGE_OPT_OUTS,
}
_OWNER: Final = _MEMBER | {Permission.MANAGE_ACCESS}

PERMISSIONS: Final[dict[PanelRole, frozenset[Permission]]] = {
    PanelRole.READ_ONLY: _READ_ONLY,
    PanelRole.MEMBER: _MEMBER,
    PanelRole.OWNER: _OWNER,
    PanelRole.OPERATOR: _OWNER | {Permission.OPERATE},
}

ROLE_WORDS: Final[dict[PanelRole, str]] = {
    PanelRole.READ_ONLY: "Read-only",
    PanelRole.MEMBER: "Member",
    PanelRole.OWNER: "Owner",
    PanelRole.OPERATOR: "Operator",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or program, as authenticated for one request.

    `account_id` is None for an operator, who may act in every account. `name` is an email address or an API key's
    name; `id` is empty for the system.
    """

    kind: Literal["user", "api_key", "system"]
    id: str
    name: str
    role: PanelRole
    account_id: str | None
    ip: str | None = None

    @classmethod
    def of_user(cls, user: PanelUser, ip: str | None) -> "Actor":
        """Return the actor that a logged-in user is."""
        return cls("user", user.id, user.email, user.role, user.account_id, ip)

    @classmethod
    def of_api_key(cls, api_key: ApiKey, ip: str | None) -> "Actor":
        """Return the actor that an API key is."""
        return cls("api_key", api_key.id, api_key.name, api_key.role, api_key.account_id, ip)

    @property
    def email(self) -> str:
        """What the panel shows as the one who is logged in."""
        return self.name

    @property
    def is_operator(self) -> bool:
        """Whether every account is open to it."""
        return self.role is PanelRole.OPERATOR

    def sees(self, account_id: str | None) -> bool:
        """Tell whether what belongs to an account, or to none, is open to it."""
        return self.is_operator or account_id == self.account_id

    @property
    def role_words(self) -> str:
        """The role as people read it."""
        return ROLE_WORDS[self.role]

    def can(self, permission: Permission | str) -> bool:
        """Tell whether the role includes `permission`; templates name it, `can("MANAGE_TRUNKS")`."""
        wanted = permission if isinstance(permission, Permission) else Permission[permission]
        return wanted in PERMISSIONS[self.role]

    def must(self, permission: Permission) -> None:
        """Raise `Forbidden` when the role does not include `permission`."""
        if not self.can(permission):
            raise Forbidden(f"The role {self.role_words} is not allowed to {permission.value}.")
