"""Who is logged in: kept in this one process, so that a session ends when we say so.

A session is found by the digest of its id: whoever reads our memory dump, or what is remembered over a restart, cannot
use it as a cookie. Its token against forgery follows from the id, so that forms survive a restart too.
"""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from schemas.directory.people import PanelUser
from schemas.state.remembered import Remembered, SessionOf

MAX_SESSIONS: Final = 10_000
MAX_FLASHES: Final = 10
MAX_EXPORTS: Final = 8
KEPT_OFTEN: Final = 6
"""How many times in its longest idle time a session that is used is remembered anew."""
KEY: Final = "session:"
_ID_BYTES: Final = 32

Flash = tuple[str, str]
"""Kind (`good`, `bad`, `info`) and text."""


@dataclass(slots=True)
class Export:
    """How far a download is."""

    rows: int = 0
    ended: bool = False
    broken: bool = False


@dataclass(slots=True)
class Session:
    """One log-in of one person. `account_id` is the account that an operator has chosen to work in."""

    user_id: str
    password_digest: str
    csrf_token: str
    began: float
    seen: float
    account_id: str | None = None
    kept: float = 0.0
    """When it was last remembered; with which account, `kept_account_id`."""
    kept_account_id: str | None = None
    flashes: list[Flash] = field(default_factory=list)
    new_factor: str | None = None
    """The secret of a second factor that is being switched on; it is kept nowhere else until then."""
    _sent: tuple[str, Mapping[str, str]] | None = None
    _exports: dict[str, Export] = field(default_factory=dict)

    def flash(self, kind: str, text: str) -> None:
        """Keep a text for the next page that is shown."""
        self.flashes.append((kind, text))
        del self.flashes[:-MAX_FLASHES]

    def take_flashes(self) -> list[Flash]:
        """Return the texts that wait, once."""
        taken, self.flashes = self.flashes, []
        return taken

    def begin_export(self, name: str) -> Export:
        """Return the progress of a download that a browser has given a name, to be kept up to date."""
        while len(self._exports) >= MAX_EXPORTS:
            del self._exports[next(iter(self._exports))]
        self._exports[name] = export = Export()
        return export

    def export(self, name: str) -> Export:
        """Return how far a download is, also one that has not begun."""
        return self._exports.get(name) or Export()

    def keep_sent(self, trunk_id: str, form: Mapping[str, str]) -> None:
        """Keep what was typed for the last message, for the one after it."""
        self._sent = trunk_id, form

    def sent_through(self, trunk_id: str) -> Mapping[str, str]:
        """Return what was typed for the last message, when it went through this trunk."""
        return self._sent[1] if self._sent is not None and self._sent[0] == trunk_id else {}


class Sessions:
    """Sessions by id. `clock` gives Unix time; `remember` gets what is to outlive the process, None of what is over."""

    def __init__(
        self,
        idle_seconds: float,
        absolute_seconds: float,
        clock: Callable[[], float] = time.time,
        remember: Callable[[str, Remembered | None], None] = lambda _key, _value: None,
    ) -> None:
        self._idle = idle_seconds
        self._absolute = absolute_seconds
        self._clock = clock
        self._remember = remember
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def restore(self, remembered: Mapping[str, Remembered]) -> None:
        """Take up the sessions of the process before, and forget those that are over."""
        for key, value in sorted(remembered.items(), key=lambda it: it[1].used_at):
            digest = key.removeprefix(KEY)
            if digest == key or (whose := value.session) is None:
                continue
            began, used = whose.began_at.timestamp(), value.used_at.timestamp()
            session = Session(
                whose.user_id, whose.password_digest, "", began, used, whose.account_id, used, whose.account_id
            )
            if self._is_over(session):
                self._remember(key, None)
            else:
                self._sessions[digest] = session

    def begin(self, user: PanelUser) -> tuple[str, Session]:
        """Log a user in: a new id, whatever the browser had before."""
        now, identity = self._clock(), secrets.token_urlsafe(_ID_BYTES)
        session = Session(user.id, _digest(user.password_hash), _csrf_token(identity), now, now, user.account_id)
        self._sessions[_digest(identity)] = session
        self._keep(_digest(identity), session)
        while len(self._sessions) > MAX_SESSIONS:
            gone, _ = self._sessions.popitem(last=False)
            self._remember(KEY + gone, None)
        return identity, session

    def find(self, identity: str, user_of: Callable[[str], PanelUser | None]) -> tuple[Session, PanelUser] | None:
        """Return a session and its user.

        None when it has timed out, or when its user has gone, is blocked or has another password since.
        """
        key = _digest(identity)
        session = self._sessions.get(key)
        if session is None:
            return None
        user = user_of(session.user_id)
        changed = user is None or user.blocked or _digest(user.password_hash) != session.password_digest
        if user is None or changed or self._is_over(session):
            self._forget(key)
            return None
        session.seen = self._clock()
        session.csrf_token = session.csrf_token or _csrf_token(identity)
        self._sessions.move_to_end(key)
        if session.seen - session.kept >= self._idle / KEPT_OFTEN or session.account_id != session.kept_account_id:
            self._keep(key, session)
        return session, user

    def end(self, identity: str) -> None:
        """Log out."""
        self._forget(_digest(identity))

    def _is_over(self, session: Session) -> bool:
        now = self._clock()
        return now - session.seen > self._idle or now - session.began > self._absolute

    def _forget(self, key: str) -> None:
        if self._sessions.pop(key, None) is not None:
            self._remember(KEY + key, None)

    def _keep(self, key: str, session: Session) -> None:
        session.kept, session.kept_account_id = session.seen, session.account_id
        whose = SessionOf(
            user_id=session.user_id,
            password_digest=session.password_digest,
            began_at=datetime.fromtimestamp(session.began, UTC),
            account_id=session.account_id,
        )
        self._remember(KEY + key, Remembered(used_at=datetime.fromtimestamp(session.seen, UTC), session=whose))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _csrf_token(identity: str) -> str:
    return _digest(f"{identity}\nform token")
