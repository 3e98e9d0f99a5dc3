"""Numbers: their import, and those that trunks use."""

import pytest

from pipeline.errors import RuleViolated
from schemas.directory.account import Did, NumberCheck
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import DIDS, NOT_P2P, OURS, THEIR_DID, Office, uuid

OPERATOR = PanelRole.OPERATOR


async def test_numbers_are_imported_from_csv(office: Office) -> None:
    """With and without heading, plus, quotes and flag; what is there already is counted as unchanged."""
    text = (
        f'\ufeffnumber,p2p_enabled\r\n+12125559001,yes\n"12125559002",no\n12125559003\n\n{DIDS[0]},yes\n{NOT_P2P},1\n'
    )
    report = await office.operations.numbers.import_csv(office.actor(OPERATOR), OURS, text)
    assert (report.added, report.changed, report.unchanged) == (3, 1, 1)
    flags = {did.number: did.p2p_enabled for did in office.store.directory.entries(Did) if did.account_id == OURS}
    expected = {"12125559001": True, "12125559002": False, "12125559003": False, NOT_P2P: True}
    assert expected == {number: flags[number] for number in expected}
    assert [event.action for event in office.store.events] == ["did.imported"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", ["text"]),
        ("number,p2p_enabled\n", ["text"]),
        ("12125559001\nbogus\n12125559001\n", ["line 2", "line 3"]),
        ("12125559001,maybe", ["line 1"]),
        ("4407700900123", ["line 1"]),
        ("12125559001,yes,more", ["line 1"]),
        ('12125559001,"yes', ["line 1"]),
        (f"{THEIR_DID},yes", ["line 1"]),
        ("\x00\n", ["line 1"]),
        ("x\n" * 200_001, ["text"]),
    ],
)
async def test_each_bad_line_is_named(office: Office, text: str, places: list[str]) -> None:
    """And nothing is imported."""
    before = office.store.offset
    with pytest.raises(RuleViolated) as refused:
        await office.operations.numbers.import_csv(office.actor(OPERATOR), OURS, text)
    assert places == [place for place, _ in refused.value.problems]
    assert before == office.store.offset


async def test_a_number_that_a_trunk_lists_cannot_lose_its_flag(office: Office) -> None:
    """Else the trunk would refuse its own source; the list of numbers says which trunk it is."""
    await office.operations.trunks.update(
        office.actor(), uuid(1), {"allow_any_did": False, "allowed_sources": [DIDS[0]]}
    )
    for change in (
        office.operations.numbers.set_p2p(office.actor(OPERATOR), DIDS[0], enabled=False),
        office.operations.numbers.delete(office.actor(OPERATOR), DIDS[0]),
    ):
        with pytest.raises(RuleViolated, match="Outbound SMS trunk 1"):
            await change
    rows = {row.did.number: row for row in office.operations.numbers.list(office.actor()).items}
    assert (
        rows[DIDS[0]].listed_by, rows[DIDS[0]].listed_by_count, rows[DIDS[0]].any_did_trunks,
    ) == (("Outbound SMS trunk 1",), 1, 0)  # fmt: skip
    assert rows[DIDS[1]].listed_by_count == 0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("4407700900123", "447700900123 is meant"),
        ("1212\u200b5559001", "character 5 is U+200B ZERO WIDTH SPACE"),
    ],
)
async def test_a_bad_number_of_an_import_is_told_what_is_wrong(office: Office, line: str, told: str) -> None:
    """The form that was meant, or what nobody can see in it; an account whose numbers need only the form takes one."""
    with pytest.raises(RuleViolated, match="is not a phone number in international format") as refused:
        await office.operations.numbers.import_csv(office.actor(OPERATOR), OURS, line)
    ((_, problem),) = refused.value.problems
    assert told in problem
    if line.isascii():
        await office.operations.accounts.update(office.actor(OPERATOR), OURS, number_check=NumberCheck.FORM)
        assert (await office.operations.numbers.import_csv(office.actor(OPERATOR), OURS, line)).added == 1
