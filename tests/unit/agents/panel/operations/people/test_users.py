"""Users and their passwords."""

import pytest

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
