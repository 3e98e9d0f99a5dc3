"""What an empty directory is filled with, so that the first message can be sent at once.

A demo account with three numbers, one trunk, one carrier and one route that takes every destination. Its password
and signing secret are kept in demo.json beside the data, because the directory holds no password in clear.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, SecretStr

from agents.local.up.installation.data_dir import read_private, write_private
from pipeline.directory.credentials import PasswordSealer, new_callback_secret, new_password_verifier
from pipeline.directory.model import Directory
from pipeline.kafka.directory.writer import directory_writer
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings
from schemas.directory.account import Account, Did
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.directory.entry import DirectoryEntry
from schemas.directory.route import Route
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7

SOURCES: Final = ("12125551234", "12125551235")
NOT_P2P: Final = "12125551236"
PRICE: Final = Decimal("0.0075")


class DemoUrls(NamedTuple):
    """Where the demo trunk's callbacks and the demo carrier's segments go."""

    callback_url: str
    carrier_url: str


class Demo(BaseModel):
    """What demo.json holds. The URLs are those that were last set here; somebody may have set others since."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trunk_id: str
    carrier_id: str
    username: str
    password: str
    callback_secret: str
    callback_url: str
    carrier_url: str

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read the file; None when there is none."""
        return read_private(path, cls)

    def save(self, path: Path) -> None:
        """Write the file, for its owner's eyes."""
        write_private(path, json.dumps(self.model_dump(), indent=2) + "\n")

    def as_trunk(self, directory: Directory) -> dict[str, object] | None:
        """Return what the ready file says about the trunk; None when it is out of service."""
        trunk = directory.trunk(self.trunk_id)
        if trunk is None or trunk.deleted_at is not None:
            return None
        return {
            "id": self.trunk_id,
            "username": self.username,
            "password": self.password,
            "sources": list(SOURCES),
            "callback_url": trunk.callback_url,
            "callback_secret": self.callback_secret,
        }


async def provide(
    path: Path, kafka: KafkaSettings, pepper: SecretStr, key_file: Path, urls: DemoUrls
) -> dict[str, object] | None:
    """Fill an empty directory, or let the demo's URLs follow `urls`; return the trunk for the ready file.

    A directory with anything in it is somebody's, and nothing but the demo's own URLs is touched there: None when it
    holds no demo of ours.
    """
    view = await DirectoryView(kafka, client_id="up").start()
    try:
        demo, directory = Demo.load(path), view.directory
        if _is_empty(directory):
            sealer = PasswordSealer.from_file(key_file)
            demo, changes = new_demo(pepper.get_secret_value().encode(), sealer, urls)
        elif demo is not None:
            demo, changes = moved(demo, directory, urls)
        else:
            return None
        # The file first: a crash in between leaves an empty directory, which is filled anew with other secrets.
        demo.save(path)
        if changes:
            async with directory_writer(kafka) as writer:
                await writer.write(*changes)
            await view.catch_up()
        return demo.as_trunk(directory)
    finally:
        await view.stop()


def new_demo(pepper: bytes, sealer: PasswordSealer, urls: DemoUrls) -> tuple[Demo, list[DirectoryEntry]]:
    """Return a new demo and its directory entries."""
    account = Account(id=uuid7(), name="Demo")
    carrier = Carrier(
        id=uuid7(), name="Practice carrier", url=urls.carrier_url, in_doubt_policy=InDoubtPolicy.RESEND_WITH_KEY,
        max_in_flight=128,  # it is on this machine and takes what comes
    )  # fmt: skip
    trunk_id = uuid7()
    verifier, password = new_password_verifier(trunk_id, 1, pepper, sealer)
    secret = new_callback_secret()
    trunk = Trunk(
        id=trunk_id,
        account_id=account.id,
        name="Outbound SMS trunk 1",
        callback_url=urls.callback_url,
        credentials=(verifier,),
        callback_secrets=(secret,),
        created_at=datetime.now(UTC),
    )
    entries: list[DirectoryEntry] = [
        account,
        *(Did(number=number, account_id=account.id, p2p_enabled=True) for number in SOURCES),
        Did(number=NOT_P2P, account_id=account.id),
        trunk,
        carrier,
        Route(id=uuid7(), carrier_id=carrier.id, price_per_segment=PRICE, currency="USD"),
    ]
    demo = Demo(
        trunk_id=trunk_id,
        carrier_id=carrier.id,
        username=verifier.username,
        password=password,
        callback_secret=secret.secret,
        callback_url=urls.callback_url,
        carrier_url=urls.carrier_url,
    )
    return demo, entries


def moved(demo: Demo, directory: Directory, urls: DemoUrls) -> tuple[Demo, list[DirectoryEntry]]:
    """Return the demo at new URLs and the entries that change; a URL that somebody else has set stays."""
    changes: list[DirectoryEntry] = []
    trunk, carrier = directory.trunk(demo.trunk_id), directory.carrier(demo.carrier_id)
    if trunk and trunk.deleted_at is None and trunk.callback_url == demo.callback_url != urls.callback_url:
        changes.append(trunk.model_copy(update={"callback_url": urls.callback_url}))
        demo = demo.model_copy(update={"callback_url": urls.callback_url})
    if carrier and carrier.url == demo.carrier_url != urls.carrier_url:
        changes.append(carrier.model_copy(update={"url": urls.carrier_url}))
        demo = demo.model_copy(update={"carrier_url": urls.carrier_url})
    return demo, changes


def _is_empty(directory: Directory) -> bool:
    # Every entry belongs to an account, or routes to a carrier.
    return next(directory.entries(Account), None) is None and next(directory.entries(Carrier), None) is None
