"""Opt-outs: put on the list and taken off, one by one and from a file."""

import pytest

from agents.panel.operations.entries.paging import Paging
from agents.panel.operations.errors import NotFound
from agents.panel.operations.numbers.opt_outs import AT_ONCE
from pipeline.errors import BrokerError, NotAcknowledged, RuleViolated
from schemas.directory.audit import AuditEvent
from schemas.opt_out import OptOut
from schemas.topics import AUDIT, OPTED_OUT
from tests.unit.agents.panel.office import OURS, THEIRS, Office

NUMBER = "15551234567"


def written(office: Office) -> list[tuple[bytes | None, OptOut | None]]:
    return [
        (it.key, None if it.value is None else OptOut.from_bytes(it.value))
        for it in office.producer.records
        if it.topic == OPTED_OUT
    ]


def actions(office: Office) -> list[tuple[str, str | None, str | None]]:
    events = [AuditEvent.from_bytes(it.value or b"") for it in office.producer.records if it.topic == AUDIT]
    return [(it.action, it.account_id, it.target_name) for it in events]


async def test_a_number_opts_out_and_in_again(office: Office) -> None:
    """Each with one record and one audit event; what is there already stays as it is; nobody else's list changes."""
    opt_outs, actor = office.operations.opt_outs, office.actor()
    added = await opt_outs.add(actor, NUMBER)
    assert (added.number, added.since) == (NUMBER, office.now.date())
    assert await opt_outs.add(actor, NUMBER) == added
    held = office.store.directory.opt_outs
    assert (held.has(OURS, NUMBER), held.has(THEIRS, NUMBER)) == (True, False)
    await opt_outs.remove(actor, NUMBER)
    assert not held.has(OURS, NUMBER)
    key = f"{OURS}:{NUMBER}".encode()
    assert written(office) == [(key, OptOut(account_id=OURS, number=NUMBER, opted_out_at=office.now)), (key, None)]
    assert actions(office) == [("optout.added", OURS, NUMBER), ("optout.removed", OURS, NUMBER)]
    with pytest.raises(NotFound):
        await opt_outs.remove(actor, NUMBER)


@pytest.mark.parametrize("number", ["", "+15551234567", "0123456789", "123456", "nonsense"])
async def test_what_is_no_number_is_refused(office: Office, number: str) -> None:
    """Nothing is written, and nothing found."""
    with pytest.raises(RuleViolated):
        await office.operations.opt_outs.add(office.actor(), number)
    with pytest.raises(NotFound):
        office.operations.opt_outs.get(office.actor(), number)
    assert office.producer.records == []


async def test_a_silent_broker_changes_nothing(office: Office) -> None:
    """What was not acknowledged is not shown as done."""
    office.producer.failure = NotAcknowledged("silent", stage="panel")
    with pytest.raises(BrokerError):
        await office.operations.opt_outs.add(office.actor(), NUMBER)
    assert not office.store.directory.opt_outs.has(OURS, NUMBER)
    office.store.directory.opt_outs.add(OURS, NUMBER, office.now)
    with pytest.raises(BrokerError):
        await office.operations.opt_outs.remove(office.actor(), NUMBER)
    assert office.store.directory.opt_outs.has(OURS, NUMBER)


async def test_a_file_is_imported(office: Office) -> None:
    """Each number once, in writes of a bounded size, with one audit event; what an export has can be imported."""
    count = AT_ONCE + 5
    text = "number,since\n" + "".join(f"{10_000_000_000 + n},2026-11-01\n" for n in range(count)) + "10000000000\n"
    await office.operations.opt_outs.add(office.actor(), "10000000003")
    office.producer.records.clear()
    report = await office.operations.opt_outs.import_csv(office.actor(), None, text)
    assert (report.added, report.unchanged) == (count - 1, 1)
    assert len(written(office)) == count - 1
    assert actions(office) == [("optout.imported", OURS, f"{count - 1:,} numbers")]
    listed = office.operations.opt_outs.list(office.actor(), number="1000000", paging=Paging(number=2, size=3))
    assert (listed.total, [it.number for it in listed.items]) == (
        count, ["10000000003", "10000000004", "10000000005"]
    )  # fmt: skip
    exported = [it.number for part in office.operations.opt_outs.all(office.actor()) for it in part]
    assert exported == [str(10_000_000_000 + n) for n in range(count)]
    office.producer.records.clear()
    again = await office.operations.opt_outs.import_csv(office.actor(), None, "\n".join(exported))
    assert (again.added, again.unchanged, office.producer.records) == (0, count, [])


async def test_a_wrong_line_spoils_the_file(office: Office) -> None:
    """Every wrong one is named, and nothing is written."""
    text = '+15551234567\nnonsense\n\n1555123\u200b4567\n"\n'
    with pytest.raises(RuleViolated) as refused:
        await office.operations.opt_outs.import_csv(office.actor(), None, text)
    assert [where for where, _ in refused.value.problems] == ["line 2", "line 4", "line 5"]
    assert "U+200B" in refused.value.problems[1][1]
    with pytest.raises(RuleViolated, match="holds no numbers"):
        await office.operations.opt_outs.import_csv(office.actor(), None, "number\n")
    assert office.producer.records == []
