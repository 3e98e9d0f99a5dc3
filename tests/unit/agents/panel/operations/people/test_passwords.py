"""Which passwords people may choose."""

import pytest

from agents.panel.operations.people.passwords import password_problem
from tests.unit.agents.panel.office import PASSWORD


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "x" * 1025, "somebody@example.com"])
def test_bad_passwords(password: str) -> None:
    """Too short, too long, too simple, or known to everybody."""
    assert password_problem(password, "somebody@example.com") is not None


def test_good_passwords() -> None:
    """Length is what counts."""
    assert password_problem(PASSWORD, "somebody@example.com") is None
