"""Passwords and signing secrets of trunks: replaced, in grace periods, and recorded before they are shown."""

from datetime import timedelta

import pytest

from agents.panel.operations.trunks.trunk_secrets import MAX_GRACE_SECONDS
from pipeline.directory.credentials import verify
from pipeline.errors import NotAcknowledged, RuleViolated
from tests.unit.agents.panel.office import OURS, PEPPER, Office, uuid

TRUNK = uuid(1)


async def test_regenerating_replaces_the_password_at_once(office: Office) -> None:
    """Same username, higher version; without a grace period the old password is gone."""
    new = await office.operations.trunk_secrets.regenerate_password(office.actor(), TRUNK)
    trunk = office.stored(TRUNK)
    assert (1, 2, office.trunk.credentials[0].username) == (
        len(trunk.credentials), trunk.credentials[0].version, new.username,
    )  # fmt: skip
    assert verify(trunk.credentials[0], TRUNK, new.password, PEPPER)
    assert not verify(trunk.credentials[0], TRUNK, office.password, PEPPER)


async def test_both_passwords_work_in_a_grace_period(office: Office) -> None:
    """The old one has an end; the username is renewed on demand; a second regeneration leaves two at most."""
    new = await office.operations.trunk_secrets.regenerate_password(
        office.actor(), TRUNK, renew_username=True, grace_seconds=60
    )
    _, old = office.stored(TRUNK).credentials
    assert new.username != office.trunk.credentials[0].username == old.username
    assert office.now + timedelta(seconds=60) == old.valid_until == new.old_valid_until
    assert verify(old, TRUNK, office.password, PEPPER)
    await office.operations.trunk_secrets.regenerate_password(office.actor(), TRUNK, grace_seconds=60)
    assert [it.version for it in office.stored(TRUNK).credentials] == [3, 2]
    office.now += timedelta(seconds=61)
    assert office.operations.trunk_secrets.credentials(office.actor(), TRUNK).old_valid_until is None


@pytest.mark.parametrize("seconds", [-1, MAX_GRACE_SECONDS + 1, 10**18])
async def test_a_grace_period_has_bounds(office: Office, seconds: int) -> None:
    """Nothing that a calendar could not hold, and no old password for ever."""
    with pytest.raises(RuleViolated, match="grace_seconds"):
        await office.operations.trunk_secrets.regenerate_password(office.actor(), TRUNK, grace_seconds=seconds)


async def test_a_rotated_signing_secret_signs_along(office: Office) -> None:
    """Until its end, and shown until then."""
    old = office.trunk.callback_secrets[0].secret
    shown = await office.operations.trunk_secrets.rotate_callback_secret(office.actor(), TRUNK, valid_for_seconds=3600)
    assert (old, office.now + timedelta(hours=1)) == (shown.old, shown.old_valid_until)
    assert shown.current == office.stored(TRUNK).callback_secrets[0].secret != old
    office.now += timedelta(hours=2)
    assert (await office.operations.trunk_secrets.reveal_callback_secret(office.actor(), TRUNK)).old is None


async def test_what_cannot_be_recorded_is_not_shown(office: Office) -> None:
    """A reveal that leaves no trace would be one that nobody answers for."""
    office.store.fails = True
    with pytest.raises(NotAcknowledged):
        await office.operations.trunk_secrets.reveal_password(office.actor(), TRUNK)
    with pytest.raises(NotAcknowledged):
        await office.operations.trunk_secrets.reveal_callback_secret(office.actor(), TRUNK)


async def test_the_audit_log_tells_what_changed_and_no_secret(office: Office) -> None:
    """Who, from where, before and after; of passwords only the version."""
    await office.operations.trunks.update(office.actor(), TRUNK, {"blocked": True, "allowed_ips": ["192.0.2.1"]})
    new = await office.operations.trunk_secrets.regenerate_password(office.actor(), TRUNK, grace_seconds=60)
    await office.operations.trunk_secrets.rotate_callback_secret(office.actor(), TRUNK, valid_for_seconds=60)
    updated, regenerated, rotated = office.store.events
    assert (updated.actor, updated.ip, updated.account_id) == ("owner@example.com", "192.0.2.1", OURS)
    assert ("trunk.updated", f"trunk:{TRUNK}") == (updated.action, updated.target)
    assert {("blocked", "no", "yes"), ("allowed_ips", None, "192.0.2.1/32")} == {
        (it.attribute, it.before, it.after) for it in updated.differences
    }
    said = b"".join(event.to_bytes() for event in (updated, regenerated, rotated)).decode()
    trunk = office.stored(TRUNK)
    secrets = [new.password, office.password, *(it.secret for it in trunk.callback_secrets)]
    secrets += [text for it in trunk.credentials for text in (it.hmac, it.sealed)]
    assert [secret for secret in secrets if secret in said] == []
    assert "password version 2" in said
