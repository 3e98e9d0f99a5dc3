"""What the operations need of the world around them; tests give them something in memory instead."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.directory.carrier_secrets import CarrierSealer
from pipeline.directory.credentials import PasswordSealer, new_password_verifier
from pipeline.directory.model import Directory
from pipeline.directory.rules.changes import Change
from schemas.directory.audit import AuditEvent
from schemas.directory.trunk import PasswordVerifier, Trunk
from schemas.record import OutRecord

Clock = Callable[[], datetime]
"""Gives the time, aware of its zone."""


class DirectoryStore(Protocol):
    """What is used of `DirectoryWriter`."""

    @property
    def directory(self) -> Directory:
        """The directory as it is."""

    async def write(self, *changes: Change, beside: Sequence[OutRecord] = ()) -> None:
        """Check and write `changes` as one set, together with the records `beside`."""

    def written_at(self, trunk: Trunk) -> datetime | None:
        """Return when a trunk was last written."""


class AuditTopic(Protocol):
    """What is used of `AuditLog`."""

    async def record(self, event: AuditEvent) -> None:
        """Write an event; return when the broker has it."""

    def newest(self) -> Iterable[AuditEvent]:
        """Iterate over the events that are held, newest first."""


class Producer(Protocol):
    """What is used of the producer of submissions."""

    async def write(self, records: Iterable[OutRecord]) -> None:
        """Write `records`; return when the broker has them."""


class PasswordHasher(Protocol):
    """What is used of the passwords of people."""

    async def hash(self, password: str) -> str:
        """Return the PHC text of a password."""

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password is the one; None costs the same and is never right."""


@dataclass(frozen=True, slots=True)
class CredentialKeys:
    """The keys of trunks' passwords: the pepper of their verifiers, and what seals them for the eye icon."""

    pepper: bytes
    sealer: PasswordSealer
    carrier_sealer: CarrierSealer | None = None
    """What seals the secrets of carriers, where the installation has a key for that."""
    callback_sealer: CallbackSealer | None = None
    """The same for those of trunks' callbacks."""

    def new_verifier(self, trunk_id: str, version: int, *, username: str | None = None) -> tuple[PasswordVerifier, str]:
        """Return a new credential and its password; without `username` with a new one."""
        return new_password_verifier(trunk_id, version, self.pepper, self.sealer, username=username)
