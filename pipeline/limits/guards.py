"""What stops messages of a trunk and of its account: too many to a number or a range, or the same text again."""

from typing import Final, NamedTuple

from schemas.directory.account import Account
from schemas.directory.limits import WINDOWED
from schemas.directory.trunk import Trunk
from schemas.state.screening import Guard

MINUTE_MS: Final = 60_000


class Stop(NamedTuple):
    """By what a message was stopped: no more than so many messages in so many minutes, of the trunk or its account."""

    guard: Guard
    messages: int
    minutes: int
    of_account: bool = False

    @property
    def span_ms(self) -> int:
        """The minutes."""
        return self.minutes * MINUTE_MS


class Guarded(NamedTuple):
    """A trunk or an account, and what stops messages of it."""

    owner: str
    stops: tuple[Stop, ...]

    @property
    def is_account(self) -> bool:
        """Whether it is an account: its stops say so."""
        return self.stops[0].of_account

    @property
    def guards(self) -> tuple[Guard, ...]:
        """What is counted of it."""
        return tuple([it.guard for it in self.stops])


def guards_of(entry: Trunk | Account) -> Guarded | None:
    """Return what stops messages of a trunk or an account, in the order in which it is asked; None is nothing."""
    is_account = isinstance(entry, Account)
    found = []
    for guard, (limit, window) in zip((Guard.NUMBER, Guard.RANGE), WINDOWED, strict=True):
        messages, minutes = getattr(entry, limit), getattr(entry, window)
        if messages is not None and minutes is not None:
            found.append(Stop(guard, messages, minutes, is_account))
    if entry.same_text_minutes is not None:
        found.append(Stop(Guard.SAME_TEXT, 1, entry.same_text_minutes, is_account))
    return Guarded(entry.id, tuple(found)) if found else None
