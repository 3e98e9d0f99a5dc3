"""The audit log as people read it."""

import pytest

from agents.panel.operations.errors import NotFound
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import OURS, THEIRS, Office, uuid

OPERATOR = PanelRole.OPERATOR


async def test_everybody_sees_the_own_accounts_part_of_the_audit_log(office: Office) -> None:
    """Newest first; operators see all of it, and one account's on demand."""
    operator = office.actor(OPERATOR)
    await office.operations.trunks.update(office.actor(), uuid(1), {"blocked": True})
    await office.operations.trunks.update(operator, uuid(2), {"blocked": True})
    await office.operations.carriers.update(operator, uuid(50), {"blocked": True})
    listed = office.operations.audit_events.list
    assert [it.action for it in listed(operator).items] == ["carrier.updated", "trunk.updated", "trunk.updated"]
    assert [it.account_id for it in listed(office.actor()).items] == [OURS]
    assert [it.account_id for it in listed(operator, account_id=THEIRS).items] == [THEIRS]
    assert listed(operator, text="CARRIER").total == 1
    with pytest.raises(NotFound):
        listed(office.actor(), account_id=THEIRS)
