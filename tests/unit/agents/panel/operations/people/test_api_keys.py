"""API keys: who one is, and for how long."""

from datetime import timedelta

import pytest

from agents.panel.operations.actor import Actor
from schemas.directory.account import Account
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import OURS, Office


async def test_an_api_key_is_its_role_until_revoked(office: Office) -> None:
    """Shown once, stored as a digest; revoked, it is nobody."""
    record, key = await office.operations.api_keys.create(office.actor(), "job", PanelRole.MEMBER)
    actor = office.operations.api_keys.authenticate(key, "192.0.2.7")
    assert actor == Actor("api_key", record.id, "job", PanelRole.MEMBER, OURS, "192.0.2.7")
    assert key not in str(record)
    assert key not in str(office.store.events)
    assert record.hint == key[-4:]
    await office.operations.api_keys.revoke(office.actor(), record.id)
    assert office.operations.api_keys.authenticate(key, None) is None


@pytest.mark.parametrize("bad", ["", "x", "smsout_", "smsout__", "smsout_" + "a" * 32 + "_x", "\ud800", "x" * 10_000])
def test_what_is_no_key_is_nobody(office: Office, bad: str) -> None:
    """Whatever the header holds."""
    assert office.operations.api_keys.authenticate(bad, None) is None


async def test_a_key_of_a_blocked_account_is_nobody(office: Office) -> None:
    """And one with another secret behind the right id."""
    _, key = await office.operations.api_keys.create(office.actor(), "job", PanelRole.OWNER)
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")
    assert office.operations.api_keys.authenticate(wrong, None) is None
    office.add(Account(id=OURS, name="Ours", blocked=True))
    assert office.operations.api_keys.authenticate(key, None) is None


async def test_a_key_is_refused_from_its_expiry_on(office: Office) -> None:
    """To the moment; one without an end goes on. The list knows when one was last used."""
    keys, actor = office.operations.api_keys, office.actor()
    short, text = await keys.create(actor, "short", PanelRole.MEMBER, valid_for=timedelta(days=30))
    _, endless = await keys.create(actor, "endless", PanelRole.MEMBER)
    assert office.operations.last_uses.of("apikey", short.id) is None
    assert keys.authenticate(text, None) is not None
    assert office.operations.last_uses.of("apikey", short.id) == office.now
    office.now += timedelta(days=30)
    assert keys.authenticate(text, None) is None
    assert keys.authenticate(endless, None) is not None
