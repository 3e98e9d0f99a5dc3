"""Logging in: throttled, in the same time for users that are not there, and recorded."""

import secrets
from dataclasses import dataclass

from agents.panel.operations.actor import Actor
from agents.panel.operations.operations import Operations
from agents.panel.operations.people.by_email import user_by_email
from agents.panel.operations.ports import PasswordHasher
from agents.panel.security.awaited_codes import AwaitedCodes
from agents.panel.security.devices import Devices
from agents.panel.security.passwords import TooBusy
from agents.panel.security.sessions import Session, Sessions
from agents.panel.security.throttle import Guesser, Standing, Throttle
from agents.panel.security.turns import Turns
from schemas.directory.people import PanelUser

WRONG = "Wrong email address or password."
WRONG_CODE = "That is not the code of this moment. Wait for the next one and enter it."
TOO_LATE = "That took too long, or too many tries. Log in again."
BUSY = "Too many people are logging in. Try again in a moment."


@dataclass(frozen=True, slots=True)
class LogInRefused:
    """Why not. `retry_after_seconds` is None when one may try again at once; `status` is for HTTP."""

    message: str
    status: int
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class CodeAwaited:
    """The password was right, and a one-time code is to come with this ticket."""

    ticket: str


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A new session with its id, and the cookie by which this browser is known from now on."""

    session_id: str
    session: Session
    device: str


class LogIns:
    """Log-ins of one panel process. Without `devices` browsers are known until the process ends."""

    def __init__(
        self,
        operations: Operations,
        hasher: PasswordHasher,
        sessions: Sessions,
        throttle: Throttle,
        devices: Devices | None = None,
        codes: AwaitedCodes | None = None,
    ) -> None:
        self.sessions = sessions
        self._operations = operations
        self._hasher = hasher
        self._trail = operations.audit_trail
        self._throttle = throttle
        self._devices = devices or Devices(secrets.token_bytes(32))
        self._strangers = Turns()
        self.codes = codes or AwaitedCodes()

    async def log_in(
        self, email: str, password: str, ip: str | None, device: str = ""
    ) -> LoggedIn | CodeAwaited | LogInRefused:
        """Log in, or say why not. `device` is the cookie of a browser that may be known.

        A person with a second factor is asked for a code first.

        Raises `BrokerError` when the audit event cannot be written: who logs in unseen does not log in.
        """
        user = user_by_email(self._operations.directory, email)
        known = None if user is None else self._devices.device(device, user.id)
        guesser = Guesser.at(ip) if known is None else Guesser.with_device(known)
        wait = self._throttle.wait_seconds(guesser)
        if wait:
            return LogInRefused(f"Too many attempts. Try again in {wait} s.", 429, wait)
        standing = self._throttle.begin(guesser, email)
        try:
            right = await self._is_right(user, password, email, None if known else standing)
        except TooBusy:
            return LogInRefused(BUSY, 503, 2)
        if not right or user is None or user.blocked:
            account_id = user.account_id if user else None
            await self._trail.record(email[:254], "log_in.failed", account_id=account_id, ip=ip)
            return LogInRefused(WRONG, 401)
        self._throttle.succeed(guesser, email)
        if user.second_factor is not None:
            return CodeAwaited(self.codes.begin(user.id, user.password_hash))
        return await self._begin(user, ip)

    async def enter_code(self, ticket: str, code: str, ip: str | None) -> LoggedIn | LogInRefused:
        """Log in with the code that a ticket waits for, or say why not. Raises `BrokerError` as `log_in` does."""
        awaited = self.codes.find(ticket)
        user = None if awaited is None else self._operations.directory.get(PanelUser, awaited.user_id)
        if awaited is None or user is None or user.blocked or user.password_hash != awaited.password_hash:
            return LogInRefused(TOO_LATE, 401)
        secret = self._operations.second_factors.of(user)
        if secret is not None and not self.codes.is_right(ticket, secret, code):
            await self._trail.record(user.email, "log_in.failed", account_id=user.account_id, ip=ip)
            return LogInRefused(WRONG_CODE if self.codes.find(ticket) else TOO_LATE, 401)
        return await self._begin(user, ip)

    async def _begin(self, user: PanelUser, ip: str | None) -> LoggedIn | LogInRefused:
        await self._trail.record(Actor.of_user(user, ip), "log_in.succeeded")
        # Somebody may have blocked the user while the password was being checked.
        current = self._operations.directory.get(PanelUser, user.id)
        if current is None or current.blocked or current.password_hash != user.password_hash:
            return LogInRefused(WRONG, 401)
        identity, session = self.sessions.begin(current)
        self._operations.last_uses.note("user", current.id)
        session.account_id = session.account_id or self._operations.accounts.only()
        return LoggedIn(identity, session, self._devices.new_cookie(user.id))

    async def _is_right(self, user: PanelUser | None, password: str, name: str, stranger: Standing | None) -> bool:
        password_hash = user.password_hash if user else None
        if stranger is None:
            return await self._hasher.verify(password_hash, password)
        async with self._strangers.turn(name.strip().casefold(), stranger):
            return await self._hasher.verify(password_hash, password)

    async def log_out(self, actor: Actor) -> None:
        """Record that somebody has logged out."""
        await self._trail.record(actor, "log_out.done")
