"""Operations without a broker: a store that applies what it has checked, and two accounts with people in each role."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from agents.panel.operations.actor import Actor
from agents.panel.operations.operations import Operations
from agents.panel.operations.ports import CredentialKeys
from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.directory.credentials import PasswordSealer, new_callback_secret
from pipeline.directory.key_file import SealingKey
from pipeline.directory.model import Directory
from pipeline.directory.rules.changes import Change, Removal, change_key
from pipeline.directory.rules.check import check
from pipeline.errors import NotAcknowledged
from pipeline.http.addresses import AddressGuard
from pipeline.limits.counts import DayCounts
from pipeline.settings import MessageSettings
from pipeline.tracing.spans import UNTRACED, Tracing
from schemas.directory.account import Account, Did
from schemas.directory.audit import AuditEvent
from schemas.directory.carrier import Carrier
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.directory.people import PanelRole, PanelUser
from schemas.directory.route import Route
from schemas.directory.trunk import Trunk
from schemas.record import OutRecord
from tests.fakes.message_log import MemoryLog

NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
PEPPER = b"pepper" * 8
OURS, THEIRS = "0192f1c4-6a5e-7b31-9d5c-0000000000a1", "0192f1c4-6a5e-7b31-9d5c-0000000000a2"
DIDS = ("12125551234", "12125551235")
NOT_P2P = "12125551236"
THEIR_DID = "442071838750"
PASSWORD = "correct horse battery"


def uuid(number: int) -> str:
    return f"0192f1c4-6a5e-7b31-9d5c-{number:012d}"


class Store:
    """Stands for `DirectoryWriter` and the audit log. `fails` makes the next write one that nobody acknowledges."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.offset = 0
        self.events: list[AuditEvent] = []
        self.fails = False
        self.trunks_written_at = NOW

    def written_at(self, trunk: Trunk) -> datetime | None:
        return self.trunks_written_at

    async def write(self, *changes: Change, beside: Sequence[OutRecord] = ()) -> None:
        check(changes, self.directory)
        if self.fails:
            raise NotAcknowledged("silent")
        for change in changes:
            value = None if isinstance(change, Removal) else change.to_bytes()
            self.directory.apply(change_key(change), value, self.offset)
            self.offset += 1
        self.events += [AuditEvent.from_bytes(record.value or b"") for record in beside]

    async def record(self, event: AuditEvent) -> None:
        if self.fails:
            raise NotAcknowledged("silent")
        self.events.append(event)

    def newest(self) -> Iterable[AuditEvent]:
        return reversed(self.events)


class Producer:
    """Takes what the Send SMS tool produces; raises `failure` instead where there is one."""

    def __init__(self) -> None:
        self.records: list[OutRecord] = []
        self.failure: BaseException | None = None

    async def write(self, records: Iterable[OutRecord]) -> None:
        if self.failure is not None:
            raise self.failure
        self.records += records


class Hasher:
    """Stands for argon2id, which costs 30 ms."""

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, password_hash: str | None, password: str) -> bool:
        return password_hash == f"hash of {password}"


class Office:
    """Everything a test needs."""

    def __init__(self, callback_addresses: AddressGuard | None = None, tracing: Tracing = UNTRACED) -> None:
        self.now = NOW
        self.log = MemoryLog()
        self.counts = DayCounts()
        self.store, self.producer, self.hasher = Store(), Producer(), Hasher()
        self.callback_sealer = CallbackSealer([SealingKey("k1", b"c" * 32)])
        self.keys = CredentialKeys(
            PEPPER, PasswordSealer([SealingKey("k1", b"k" * 32)]), callback_sealer=self.callback_sealer
        )  # fmt: skip
        self.operations = Operations(
            self.store, self.store, self.producer, self.hasher, self.keys,
            log=self.log, limits=MessageSettings(), callback_delays_seconds=(5, 30), hosts=("https://sms.example",),
            clock=lambda: self.now, callback_addresses=callback_addresses, counts=self.counts,
            tracing=tracing,
        )  # fmt: skip
        self.trunk, self.password = self._trunk(1, OURS)
        self.their_trunk, _ = self._trunk(2, THEIRS)
        self.carrier = Carrier(id=uuid(50), name="carrier", url="https://carrier.example")
        self.route = Route(id=uuid(51), carrier_id=self.carrier.id)
        self.add(
            Account(id=OURS, name="Ours"),
            Account(id=THEIRS, name="Theirs"),
            *(Did(number=number, account_id=OURS, p2p_enabled=True) for number in DIDS),
            Did(number=NOT_P2P, account_id=OURS),
            Did(number=THEIR_DID, account_id=THEIRS, p2p_enabled=True),
            self.trunk,
            self.their_trunk,
            self.carrier,
            self.route,
            *(self.user(role) for role in PanelRole),
        )

    def user(self, role: PanelRole) -> PanelUser:
        return PanelUser(
            id=uuid(100 + list(PanelRole).index(role)),
            account_id=None if role is PanelRole.OPERATOR else OURS,
            email=f"{role.value}@example.com",
            role=role,
            password_hash=f"hash of {PASSWORD}",
        )

    def actor(self, role: PanelRole = PanelRole.OWNER) -> Actor:
        return Actor.of_user(self.user(role), "192.0.2.1")

    def add(self, *entries: DirectoryEntry) -> None:
        check(entries, self.store.directory)
        for entry in entries:
            self.store.directory.apply(change_key(entry), entry.to_bytes(), self.store.offset)
            self.store.offset += 1

    def remove(self, *entries: DirectoryEntry) -> None:
        """Take entries away, whatever refers to them."""
        for entry in entries:
            self.store.directory.apply(key_of(entry), None, self.store.offset)
            self.store.offset += 1

    def stored(self, trunk_id: str) -> Trunk:
        trunk = self.store.directory.trunk(trunk_id)
        assert trunk is not None
        return trunk

    def _trunk(self, number: int, account_id: str) -> tuple[Trunk, str]:
        verifier, password = self.keys.new_verifier(uuid(number), 1)
        trunk = Trunk(
            id=uuid(number),
            account_id=account_id,
            name="Outbound SMS trunk 1",
            credentials=(verifier,),
            callback_secrets=(new_callback_secret(),),
            created_at=NOW - timedelta(days=number),
        )
        return trunk, password
