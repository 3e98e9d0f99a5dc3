"""Logging in: throttled, in the same time for users that are not there, and recorded."""

from dataclasses import dataclass

from agents.panel.operations import Actor, Operations
from agents.panel.operations.desk import Audit, Hasher
from agents.panel.security.passwords import TooBusy
from agents.panel.security.sessions import Session, Sessions
from agents.panel.security.throttle import Throttle
from pipeline.directory.model import Directory
from schemas.directory.people import PanelUser

WRONG = "Wrong email address or password."


@dataclass(frozen=True, slots=True)
class LogInRefused:
    """Why not. `retry_after_seconds` is None when one may try again at once; `status` is for HTTP."""

    message: str
    status: int
    retry_after_seconds: int | None = None


class LogIns:
    """Log-ins of one panel process."""

    def __init__(
        self, operations: Operations, hasher: Hasher, audit: Audit, sessions: Sessions, throttle: Throttle
    ) -> None:
        self.sessions = sessions
        self._operations = operations
        self._hasher = hasher
        self._audit = audit
        self._throttle = throttle

    async def log_in(self, email: str, password: str, ip: str | None) -> tuple[str, Session] | LogInRefused:
        """Return a new session with its id, or why there is none.

        Raises `BrokerError` when the audit event cannot be written: who logs in unseen does not log in.
        """
        wait = self._throttle.wait_seconds(ip, email)
        if wait:
            return LogInRefused(f"Too many attempts. Try again in {wait} s.", 429, wait)
        self._throttle.begin(ip, email)
        user = user_by_email(self._operations.directory, email)
        try:
            right = await self._hasher.verify(user.password_hash if user else None, password)
        except TooBusy:
            return LogInRefused("Too many people are logging in. Try again in a moment.", 503, 2)
        if not right or user is None or user.blocked:
            account_id = user.account_id if user else None
            event = self._operations.event(email[:254], "log_in.failed", account_id=account_id, ip=ip)
            await self._audit.record(event)
            return LogInRefused(WRONG, 401)
        self._throttle.succeed(ip, email)
        await self._audit.record(self._operations.event(Actor.of_user(user, ip), "log_in.succeeded"))
        # Somebody may have blocked the user while the password was being checked.
        current = self._operations.directory.get(PanelUser, user.id)
        if current is None or current.blocked or current.password_hash != user.password_hash:
            return LogInRefused(WRONG, 401)
        identity, session = self.sessions.begin(current)
        session.account_id = session.account_id or self._operations.only_account()
        return identity, session

    async def note_log_out(self, actor: Actor) -> None:
        """Record that somebody has logged out."""
        await self._audit.record(self._operations.event(actor, "log_out.done"))


def user_by_email(directory: Directory, email: str) -> PanelUser | None:
    """Return the user with an email address, upper and lower case alike."""
    wanted = email.strip().casefold()
    return next((user for user in directory.entries(PanelUser) if user.email.casefold() == wanted), None)
