"""Who is logged in: kept in this one process, so that a session ends when we say so; a restart ends all of them.

A session is found by the digest of its id: whoever reads our memory dump later cannot use it as a cookie.
"""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.directory.people import PanelUser

MAX_SESSIONS: Final = 10_000
MAX_FLASHES: Final = 10
_ID_BYTES: Final = 32

Flash = tuple[str, str]
"""Kind (`good`, `bad`, `info`) and text."""


@dataclass(slots=True)
class Session:
    """One log-in of one person. `account_id` is the account that an operator has chosen to work in."""

    user_id: str
    password_hash: str
    csrf_token: str
    began: float
    seen: float
    account_id: str | None = None
    flashes: list[Flash] = field(default_factory=list)
    _sent: tuple[str, Mapping[str, str]] | None = None

    def flash(self, kind: str, text: str) -> None:
        """Keep a text for the next page that is shown."""
        self.flashes.append((kind, text))
        del self.flashes[:-MAX_FLASHES]

    def take_flashes(self) -> list[Flash]:
        """Return the texts that wait, once."""
        taken, self.flashes = self.flashes, []
        return taken

    def keep_sent(self, trunk_id: str, form: Mapping[str, str]) -> None:
        """Keep what was typed for the last message, for the one after it."""
        self._sent = trunk_id, form

    def sent_through(self, trunk_id: str) -> Mapping[str, str]:
        """Return what was typed for the last message, when it went through this trunk."""
        return self._sent[1] if self._sent is not None and self._sent[0] == trunk_id else {}


class Sessions:
    """Sessions by id. `clock` gives seconds that only go forward."""

    def __init__(
        self, idle_seconds: float, absolute_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle = idle_seconds
        self._absolute = absolute_seconds
        self._clock = clock
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, user: PanelUser) -> tuple[str, Session]:
        """Log a user in: a new id, whatever the browser had before."""
        now, identity = self._clock(), secrets.token_urlsafe(_ID_BYTES)
        session = Session(user.id, user.password_hash, secrets.token_urlsafe(_ID_BYTES), now, now, user.account_id)
        self._sessions[_digest(identity)] = session
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return identity, session

    def find(self, identity: str, user_of: Callable[[str], PanelUser | None]) -> tuple[Session, PanelUser] | None:
        """Return a session and its user.

        None when it has timed out, or when its user has gone, is blocked or has another password since.
        """
        key = _digest(identity)
        session = self._sessions.get(key)
        if session is None:
            return None
        now, user = self._clock(), user_of(session.user_id)
        expired = now - session.seen > self._idle or now - session.began > self._absolute
        if expired or user is None or user.blocked or user.password_hash != session.password_hash:
            del self._sessions[key]
            return None
        session.seen = now
        self._sessions.move_to_end(key)
        return session, user

    def end(self, identity: str) -> None:
        """Log out."""
        self._sessions.pop(_digest(identity), None)


def _digest(identity: str) -> bytes:
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).digest()
