"""Trunks and their secrets: rules, versions, grace periods, audit events."""

from datetime import timedelta
from typing import Any

import pytest

from agents.panel.operations import NotFound
from agents.panel.operations.trunk_secrets import MAX_GRACE_SECONDS
from pipeline.directory.credentials import verify
from pipeline.errors import NotAcknowledged, RuleViolated
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import DIDS, NOT_P2P, OURS, PEPPER, THEIR_DID, THEIRS, Office, uuid

TRUNK = uuid(1)


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "x" * 101}, ["name"]),
        ({"name": "outbound sms  TRUNK 1"}, ["name"]),
        ({"name": "x", "callback_url": "ftp://a.example"}, ["callback_url"]),
        ({"name": "x", "allowed_ips": ["192.0.2.1", "bogus", "::1/129"]}, ["allowed_ips/1", "allowed_ips/2"]),
        ({"name": "", "allowed_ips": ["bogus"]}, ["name", "allowed_ips/0"]),
        (
            {"name": "x", "allow_any_did": False, "allowed_sources": [DIDS[0], NOT_P2P, THEIR_DID]},
            ["allowed_sources/1", "allowed_sources/2"],
        ),
        ({"name": "\ud800"}, ["trunk"]),
    ],
)
async def test_each_problem_has_its_place(office: Office, settings: Any, places: list[str]) -> None:
    """A form can show every problem beside its field, and nothing is written."""
    before = office.writer.offset
    with pytest.raises(RuleViolated) as refused:
        await office.operations.create_trunk(office.actor(), settings)
    assert places == [place.partition(":")[0] for place, _ in refused.value.problems]
    assert before == office.writer.offset
    assert office.writer.events == []


async def test_a_new_trunk_works_with_its_password(office: Office) -> None:
    """What is entered is kept in normal form; the password that is returned is the one that ingress accepts."""
    trunk, password = await office.operations.create_trunk(
        office.actor(),
        {"name": " Marketing ", "callback_url": " ", "allowed_ips": ["192.0.2.9/24", "::ffff:192.0.2.1"]},
    )
    assert (trunk.name, trunk.callback_url, trunk.account_id) == ("Marketing", None, OURS)
    assert trunk.allowed_ips == ("192.0.2.0/24", "192.0.2.1/32")
    assert verify(trunk.credentials[0], trunk.id, password, PEPPER)
    assert await office.operations.reveal_password(office.actor(), trunk.id) == password


async def test_the_form_proposes_a_free_name(office: Office) -> None:
    """The first number that is not taken, in the account in question."""
    assert office.operations.propose_trunk_name(office.actor()) == "Outbound SMS trunk 2"
    await office.operations.delete_trunks(office.actor(), [TRUNK])
    assert office.operations.propose_trunk_name(office.actor()) == "Outbound SMS trunk 1"
    assert office.operations.propose_trunk_name(office.actor(PanelRole.OPERATOR), THEIRS) == "Outbound SMS trunk 2"


async def test_a_deleted_trunk_is_gone_but_kept(office: Office) -> None:
    """Its record stays for messages in flight; to people it is not there, and its name is free."""
    await office.operations.delete_trunks(office.actor(), [TRUNK])
    assert office.stored(TRUNK).deleted_at == office.now
    with pytest.raises(NotFound):
        office.operations.trunk(office.actor(), TRUNK)
    assert office.operations.list_trunks(office.actor()).total == 0


async def test_batch_delete_is_all_or_nothing(office: Office) -> None:
    """One that is not there, and none goes."""
    with pytest.raises(NotFound):
        await office.operations.delete_trunks(office.actor(), [TRUNK, uuid(999)])
    assert office.stored(TRUNK).deleted_at is None


async def test_trunks_are_found_and_sorted_as_people_read(office: Office) -> None:
    """`trunk 2` before `trunk 10`; filters ignore upper and lower case; a page beyond the end is empty."""
    for number in (10, 2):
        await office.operations.create_trunk(office.actor(), {"name": f"Sales {number}", "blocked": number == 2})
    listed = office.operations.list_trunks
    assert [it.name for it in listed(office.actor(), name="sALES").items] == ["Sales 2", "Sales 10"]
    assert [it.name for it in listed(office.actor(), blocked=True).items] == ["Sales 2"]
    names = ["Sales 10", "Sales 2", "Outbound SMS trunk 1"]
    assert names == [it.name for it in listed(office.actor(), sort="-name").items]
    part = listed(office.actor(), page=2, size=2)
    assert (len(part.items), part.total, part.pages, part.first, part.last) == (1, 3, 2, 3, 3)
    assert listed(office.actor(), page=9).items == ()
    assert listed(office.actor(PanelRole.OPERATOR)).total == 4


async def test_regenerating_replaces_the_password_at_once(office: Office) -> None:
    """Same username, higher version; without a grace period the old password is gone."""
    new = await office.operations.regenerate(office.actor(), TRUNK)
    trunk = office.stored(TRUNK)
    assert (1, 2, office.trunk.credentials[0].username) == (
        len(trunk.credentials), trunk.credentials_version, new.username,
    )  # fmt: skip
    assert verify(trunk.credentials[0], TRUNK, new.password, PEPPER)
    assert not verify(trunk.credentials[0], TRUNK, office.password, PEPPER)


async def test_both_passwords_work_in_a_grace_period(office: Office) -> None:
    """The old one has an end; the username is renewed on demand; a second regeneration leaves two at most."""
    new = await office.operations.regenerate(office.actor(), TRUNK, renew_username=True, grace_seconds=60)
    _, old = office.stored(TRUNK).credentials
    assert new.username != office.trunk.credentials[0].username == old.username
    assert office.now + timedelta(seconds=60) == old.valid_until == new.old_valid_until
    assert verify(old, TRUNK, office.password, PEPPER)
    await office.operations.regenerate(office.actor(), TRUNK, grace_seconds=60)
    assert [it.version for it in office.stored(TRUNK).credentials] == [3, 2]
    office.now += timedelta(seconds=61)
    assert office.operations.credentials(office.actor(), TRUNK).old_valid_until is None


@pytest.mark.parametrize("seconds", [-1, MAX_GRACE_SECONDS + 1, 10**18])
async def test_a_grace_period_has_bounds(office: Office, seconds: int) -> None:
    """Nothing that a calendar could not hold, and no old password for ever."""
    with pytest.raises(RuleViolated, match="grace_seconds"):
        await office.operations.regenerate(office.actor(), TRUNK, grace_seconds=seconds)


async def test_a_rotated_signing_secret_signs_along(office: Office) -> None:
    """Until its end, and shown until then."""
    old = office.trunk.callback_secrets[0].secret
    shown = await office.operations.rotate_callback_secret(office.actor(), TRUNK, valid_for_seconds=3600)
    assert (old, office.now + timedelta(hours=1)) == (shown.old, shown.old_valid_until)
    assert shown.current == office.stored(TRUNK).callback_secrets[0].secret != old
    office.now += timedelta(hours=2)
    assert (await office.operations.reveal_callback_secret(office.actor(), TRUNK)).old is None


async def test_what_cannot_be_recorded_is_not_shown(office: Office) -> None:
    """A reveal that leaves no trace would be one that nobody answers for."""
    office.writer.fails = True
    with pytest.raises(NotAcknowledged):
        await office.operations.reveal_password(office.actor(), TRUNK)
    with pytest.raises(NotAcknowledged):
        await office.operations.reveal_callback_secret(office.actor(), TRUNK)


async def test_the_audit_log_tells_what_changed_and_no_secret(office: Office) -> None:
    """Who, from where, before and after; of passwords only the version."""
    await office.operations.update_trunk(office.actor(), TRUNK, {"blocked": True, "allowed_ips": ["192.0.2.1"]})
    new = await office.operations.regenerate(office.actor(), TRUNK, grace_seconds=60)
    await office.operations.rotate_callback_secret(office.actor(), TRUNK, valid_for_seconds=60)
    updated, regenerated, rotated = office.writer.events
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


async def test_operators_name_the_account_where_there_are_several(office: Office) -> None:
    """There is no account that could be meant."""
    with pytest.raises(RuleViolated, match="account_id"):
        await office.operations.create_trunk(office.actor(PanelRole.OPERATOR), {"name": "x"})


async def test_sources_are_the_p2p_enabled_dids(office: Office) -> None:
    """All of the account's, or those of the trunk's own list."""
    assert office.operations.available_sources(office.actor()) == DIDS
    assert office.operations.sources_of(office.actor(), TRUNK) == DIDS
    await office.operations.update_trunk(office.actor(), TRUNK, {"allow_any_did": False, "allowed_sources": [DIDS[1]]})
    assert office.operations.sources_of(office.actor(), TRUNK) == (DIDS[1],)
