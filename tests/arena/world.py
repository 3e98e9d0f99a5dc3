"""What the arena's directory holds: for each in-doubt policy a carrier and a route, and a trunk to send with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.directory.credentials import PasswordSealer, new_callback_secret
from schemas.directory.account import Account
from schemas.directory.carrier import InDoubtPolicy
from schemas.directory.entry import DirectoryEntry
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from tests.builders import account, carrier, did, route, trunk_with_password

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
    """Everything that was written, the trunk that most tests use, and one that wants delivery receipts."""

    entries: list[DirectoryEntry]
    account: Account
    trunk: TrunkAccess
    curious: TrunkAccess


def new_world(simulator_url: str, key_file: Path) -> World:
    """Return a world whose carriers and inbox are a simulator's."""
    ours = account(id=uuid7(), name="Arena")
    access = new_trunk(ours, simulator_url, "main", key_file)
    curious = new_trunk(ours, simulator_url, "curious", key_file, receipts_enabled=True)
    entries: list[DirectoryEntry] = [ours, did(account_id=ours.id), access.trunk, curious.trunk]
    for policy, prefix in PREFIXES.items():
        simulated = carrier(
            id=uuid7(), name=policy.value, url=f"{simulator_url}/carrier/segments", in_doubt_policy=policy
        )
        entries += [simulated, route(id=uuid7(), destination_prefix=prefix, carrier_id=simulated.id)]
    return World(entries, ours, access, curious)


def new_trunk(
    owner: Account, simulator_url: str, inbox: str, key_file: Path, *, receipts_enabled: bool = False
) -> TrunkAccess:
    """Return a trunk of `owner` that is called back at the simulator's inbox of that name."""
    secret = new_callback_secret()
    trunk, password = trunk_with_password(
        pepper=PEPPER.encode(), sealer=PasswordSealer.from_file(key_file), id=uuid7(), account_id=owner.id, name=inbox,
        callback_url=f"{simulator_url}/inbox/{inbox}", callback_secrets=(secret,), created_at=datetime.now(UTC),
        receipts_enabled=receipts_enabled,
    )  # fmt: skip
    return TrunkAccess(trunk, trunk.credentials[0].username, password, secret.secret, inbox)
