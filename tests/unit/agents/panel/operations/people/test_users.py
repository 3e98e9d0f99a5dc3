"""Users and their passwords."""

from datetime import timedelta

import pytest

from agents.panel.operations.errors import NotFound
from pipeline.errors import RuleViolated
from schemas.directory.people import PanelRole, PanelUser
from tests.unit.agents.panel.office import OURS, PASSWORD, Office


@pytest.mark.parametrize("email", ["", "nobody", "@x", "x@", "a b@example.com", "a\n@example.com", "OWNER@example.com"])
async def test_a_user_needs_an_address_of_ones_own(office: Office, email: str) -> None:
    """One that is one, and that nobody has, upper and lower case alike."""
    with pytest.raises(RuleViolated, match="email"):
        await office.operations.users.create(office.actor(), email, PanelRole.MEMBER)


async def test_a_first_password_is_made_and_works(office: Office) -> None:
    """Who makes a user does not choose its password, unless asked to."""
    user, password = await office.operations.users.create(office.actor(), "new@example.com", PanelRole.MEMBER)
    assert password is not None
    assert (OURS, f"hash of {password}") == (user.account_id, user.password_hash)
    again = await office.operations.users.reset_password(office.actor(), user.id)
    assert again != password
    stored = office.store.directory.get(PanelUser, user.id)
    assert stored is not None
    assert f"hash of {again}" == stored.password_hash
    assert password not in str(office.store.events)
    assert again not in str(office.store.events)


async def test_ones_own_password_takes_the_old_one(office: Office) -> None:
    """A session left open is not enough to take an account over."""
    with pytest.raises(RuleViolated, match="old_password"):
        await office.operations.users.change_own_password(
            office.actor(), "wrong", "a new long password", "a new long password"
        )
    with pytest.raises(RuleViolated, match="new_password"):
        await office.operations.users.change_own_password(office.actor(), PASSWORD, "short", "short")


async def test_an_invitation_is_good_once_and_for_a_week(office: Office) -> None:
    """Nobody knows the password of who was invited; the directory holds a digest of the token alone."""
    users = office.operations.users
    user, token = await users.invite(office.actor(), "new@example.com", PanelRole.MEMBER)
    assert token not in str(user)
    assert token not in str(office.store.events)
    assert users.invited(token).id == user.id
    with pytest.raises(RuleViolated) as refused:
        await users.accept(token, "short", "other", None)
    assert [where for where, _ in refused.value.problems] == ["new_password", "again"]
    accepted = await users.accept(token, "a new long password", "a new long password", "192.0.2.1")
    assert (accepted.invitation, accepted.password_hash) == (None, "hash of a new long password")
    for wrong in (token, "nonsense", ""):
        with pytest.raises(NotFound):
            users.invited(wrong)
    _, late = await users.invite(office.actor(), "late@example.com", PanelRole.MEMBER)
    office.now += timedelta(days=7)
    with pytest.raises(NotFound):
        await users.accept(late, "a new long password", "a new long password", None)
