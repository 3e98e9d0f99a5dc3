"""Who can log in to the panel of a new installation: an operator with an API key and, where there is a demo, its owner.

Their passwords are kept in panel.json beside the data, because the directory holds only hashes of them.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict

from agents.local.up.installation.data_dir import read_private, write_private
from agents.panel.operations.people.api_keys import new_api_key
from agents.panel.operations.people.passwords import generated_password
from agents.panel.security.passwords import Passwords
from pipeline.directory.model import Directory
from pipeline.kafka.directory.writer import directory_writer
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings
from schemas.directory.account import Account
from schemas.directory.entry import DirectoryEntry
from schemas.directory.people import PanelRole, PanelUser
from schemas.identifiers import uuid7

OPERATOR: Final = "operator@example.com"
OWNER: Final = "owner@example.com"


class FirstPeople(BaseModel):
    """What panel.json holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operator_id: str
    operator_hash: str
    username: str
    password: str
    api_key: str
    owner_username: str | None = None
    owner_password: str | None = None

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read the file; None when there is none."""
        return read_private(path, cls)

    def as_panel(self, directory: Directory) -> dict[str, str] | None:
        """Return what the ready file says; None when the operator has gone or has another password since."""
        user = directory.get(PanelUser, self.operator_id)
        if user is None or user.blocked or user.password_hash != self.operator_hash:
            return None
        said = self.model_dump(exclude_none=True)
        return {name: said[name] for name in said if name not in ("operator_id", "operator_hash")}


async def seed_panel_users(path: Path, kafka: KafkaSettings) -> dict[str, str] | None:
    """Make the first operator where nobody can log in yet; return the first people for the ready file."""
    view = await DirectoryView(kafka, client_id="up-people").start()
    try:
        people = FirstPeople.load(path)
        if next(view.directory.entries(PanelUser), None) is None:
            people, changes = await first_people(next(view.directory.entries(Account), None))
            # The file first: a crash in between leaves nobody in the directory, and others are made.
            write_private(path, people.model_dump_json(indent=2) + "\n")
            async with directory_writer(kafka) as writer:
                await writer.write(*changes)
            await view.catch_up()
        return people.as_panel(view.directory) if people else None
    finally:
        await view.stop()


async def first_people(account: Account | None) -> tuple[FirstPeople, list[DirectoryEntry]]:
    """Return an operator with an API key, the owner of `account`, and their directory entries."""
    passwords, password = Passwords(), generated_password()
    operator = PanelUser(
        id=uuid7(), email=OPERATOR, role=PanelRole.OPERATOR, password_hash=await passwords.hash(password)
    )
    record, api_key = new_api_key(datetime.now(UTC), "First operator", PanelRole.OPERATOR, None)
    people = FirstPeople(
        operator_id=operator.id,
        operator_hash=operator.password_hash,
        username=OPERATOR,
        password=password,
        api_key=api_key,
    )
    if account is None:
        return people, [operator, record]
    owner_password = generated_password()
    owner = PanelUser(
        id=uuid7(),
        account_id=account.id,
        email=OWNER,
        role=PanelRole.OWNER,
        password_hash=await passwords.hash(owner_password),
    )
    people = people.model_copy(update={"owner_username": OWNER, "owner_password": owner_password})
    return people, [operator, record, owner]
