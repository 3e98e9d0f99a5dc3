"""Log-ins that have the password and wait for a one-time code: briefly, and with few tries each."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agents.panel.security.one_time_codes import matching_period

WAIT_SECONDS: Final = 300.0
TRIES: Final = 5
MAX_WAITING: Final = 1000


@dataclass(slots=True)
class Awaited:
    """A person whose password was right."""

    user_id: str
    password_hash: str
    until: float
    tries: int = 0


class AwaitedCodes:
    """What waits, by a ticket that the form carries. A code counts once (RFC 6238 section 5.2). `clock`: Unix time."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._waiting: OrderedDict[str, Awaited] = OrderedDict()
        self._used: dict[str, int] = {}

    def begin(self, user_id: str, password_hash: str) -> str:
        """Wait for a person's code; return the ticket."""
        ticket = secrets.token_urlsafe(24)
        self._waiting[ticket] = Awaited(user_id, password_hash, self._clock() + WAIT_SECONDS)
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)
        return ticket

    def find(self, ticket: str) -> Awaited | None:
        """Return who waits with a ticket, None when it is too late or there were too many tries."""
        found = self._waiting.get(ticket)
        if found is None or found.until <= self._clock() or found.tries >= TRIES:
            self._waiting.pop(ticket, None)
            return None
        return found

    def is_right(self, ticket: str, secret: str, code: str) -> bool:
        """Tell whether a code is right, which ends the waiting; a wrong one is a try less."""
        found = self.find(ticket)
        if found is None:
            return False
        found.tries += 1
        if not self.accept(found.user_id, secret, code):
            return False
        del self._waiting[ticket]
        return True

    def accept(self, user_id: str, secret: str, code: str) -> bool:
        """Tell whether a code is a person's of this moment, and take it out of use."""
        period = matching_period(secret, code, self._clock())
        if period is None or period <= self._used.get(user_id, -1):
            return False
        self._used[user_id] = period
        return True
