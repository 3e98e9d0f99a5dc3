"""A fresh office for each test; one whose trunk has an endpoint; and one whose endpoint wants no more."""

import pytest

from tests.unit.agents.panel.endpoints import LATER, TRUNK, URL
from tests.unit.agents.panel.office import Office


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def notified(office: Office) -> Office:
    office.add(office.trunk.model_copy(update={"callback_url": URL}))
    return office


@pytest.fixture
def disabled(notified: Office) -> Office:
    notified.add(notified.stored(TRUNK).model_copy(update={"callback_disabled_at": LATER}))
    return notified
