"""A fresh office for each test."""

import pytest

from tests.unit.agents.panel.office import Office


@pytest.fixture
def office() -> Office:
    return Office()
