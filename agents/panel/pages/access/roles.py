"""The roles that a user or an API key can be given."""

from collections.abc import Callable, Iterable
from typing import Final

from agents.panel.operations.actor import ROLE_WORDS
from agents.panel.pages.parts.forms import choice, refuse
from schemas.directory.people import PanelRole

ROLE_HINTS: Final = {
    PanelRole.READ_ONLY: "sees everything of the account but secrets",
    PanelRole.MEMBER: "works with trunks and sends messages",
    PanelRole.OWNER: "manages users and API keys too",
    PanelRole.OPERATOR: "every account, carriers and routes",
}


def offered_roles(*, of_operators: bool) -> list[tuple[str, str]]:
    """Return what can be chosen: the operator's role where there is no account, else all the others."""
    return [
        (role.value, f"{words}: {ROLE_HINTS[role]}")
        for role, words in ROLE_WORDS.items()
        if (role is PanelRole.OPERATOR) == of_operators
    ]


def chosen_role(text: str, rest: Callable[[], Iterable[tuple[str, str]]] = tuple) -> PanelRole:
    """Return the role that was chosen. Raises `RuleViolated` when it is none, with what is wrong with the `rest`."""
    known = choice(text, PanelRole)
    refuse({} if known else {"role": ["choose a role"]}, rest)
    return PanelRole(known)
