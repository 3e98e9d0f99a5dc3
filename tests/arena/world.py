"""What the arena's directory holds: for each in-doubt policy a carrier and a route, and a trunk to send with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.directory.credentials import PasswordSealer, new_callback_secret, new_password_verifier
from schemas.directory.account import Account, Did
from schemas.directory.carrier import Carrier, InDoubtPolicy, Route
from schemas.directory.entry import DirectoryEntry
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7

SOURCE: Final = "12125551234"
PEPPER: Final = "a pepper that is long enough for tests"
PREFIXES: Final = {
    InDoubtPolicy.RESEND_WITH_KEY: "1201",
    InDoubtPolicy.QUERY: "1202",
    InDoubtPolicy.GIVE_UP: "1203",
    InDoubtPolicy.RESEND: "1205",
}
"""By the policy of the carrier that takes them: how its destinations begin."""


class TrunkAccess(NamedTuple):
    """A trunk, and what its customer knows of it."""

    trunk: Trunk
    username: str
    password: str
    callback_secret: str
    inbox: str

    @property
    def id(self) -> str:
        return self.trunk.id


class World(NamedTuple):
    """Everything that was written, and the trunk that most tests use."""

    entries: list[DirectoryEntry]
    account: Account
    trunk: TrunkAccess


def new_world(simulator_url: str, key_file: Path) -> World:
    """Return a world whose carriers and inbox are a simulator's."""
    account = Account(id=uuid7(), name="Arena")
    access = new_trunk(account, simulator_url, "main", key_file)
    entries: list[DirectoryEntry] = [
        account, Did(number=SOURCE, account_id=account.id, p2p_enabled=True), access.trunk,
    ]  # fmt: skip
    for policy, prefix in PREFIXES.items():
        carrier = Carrier(
            id=uuid7(), name=policy.value, url=f"{simulator_url}/carrier/segments", in_doubt_policy=policy
        )
        entries += [carrier, Route(id=uuid7(), destination_prefix=prefix, carrier_id=carrier.id)]
    return World(entries, account, access)


def new_trunk(account: Account, simulator_url: str, inbox: str, key_file: Path) -> TrunkAccess:
    """Return a trunk of `account` that is called back at the simulator's inbox of that name."""
    trunk_id = uuid7()
    sealer = PasswordSealer.from_file(key_file)
    verifier, password = new_password_verifier(trunk_id, 1, PEPPER.encode(), sealer)
    secret = new_callback_secret()
    trunk = Trunk(
        id=trunk_id, account_id=account.id, name=inbox, callback_url=f"{simulator_url}/inbox/{inbox}",
        credentials=(verifier,), callback_secrets=(secret,), created_at=datetime.now(UTC),
    )  # fmt: skip
    return TrunkAccess(trunk, verifier.username, password, secret.secret, inbox)
