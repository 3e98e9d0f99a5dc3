"""`smsout users reset` with a real broker: the way back in for who has lost password and phone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.commands.users import reset
from agents.panel.security.passwords import Passwords
from pipeline.errors import ConfigurationError
from pipeline.kafka.directory.writer import DirectoryWriter
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings
from schemas.directory.people import PanelRole, PanelUser, SecondFactor
from schemas.identifiers import uuid7
from tests.brokers import running_broker
from tests.installation import install_now

pytestmark = pytest.mark.kafka


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaSettings]:
    """A broker of its own: there is one directory on it."""
    with running_broker(tmp_path) as running:
        settings = KafkaSettings(bootstrap_servers=running.bootstrap_servers)
        install_now(settings, 1)
        yield settings


async def test_a_reset_password_works_and_no_code_is_asked_for(kafka: KafkaSettings) -> None:
    """Upper and lower case of the address alike; a name that nobody has is said, and changes nothing."""
    user = PanelUser(
        id=uuid7(), email="boss@example.com", role=PanelRole.OPERATOR, password_hash="-",
        second_factor=SecondFactor(sealed="c2VhbGVk", key_id="k1"),
    )  # fmt: skip
    writer = await DirectoryWriter(kafka).start()
    await writer.write(user)
    await writer.stop()
    with pytest.raises(ConfigurationError, match="nobody logs in as"):
        await reset(kafka, "else@example.com", take_over=False)
    password = await reset(kafka, "BOSS@example.com", take_over=False)
    view = await DirectoryView(kafka, client_id="test").start()
    try:
        found = view.directory.get(PanelUser, user.id)
    finally:
        await view.stop()
    assert found is not None
    assert found.second_factor is None
    assert await asyncio.wait_for(Passwords().verify(found.password_hash, password), 10)
