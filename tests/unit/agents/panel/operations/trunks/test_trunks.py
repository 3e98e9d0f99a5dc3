"""Trunks: rules, names, lists, deletion, sources."""

from typing import Any

import pytest

from agents.panel.operations.entries.paging import Paging
from agents.panel.operations.errors import NotFound
from pipeline.directory.credentials import verify
from pipeline.errors import RuleViolated
from schemas.directory.callback_options import CallbackEvent, CallbackOptions
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
        ({"name": "\ud800"}, ["trunk", "name"]),
    ],
)
async def test_each_problem_has_its_place(office: Office, settings: Any, places: list[str]) -> None:
    """A form can show every problem beside its field, and nothing is written."""
    before = office.store.offset
    with pytest.raises(RuleViolated) as refused:
        await office.operations.trunks.create(office.actor(), settings)
    assert places == [place.partition(":")[0] for place, _ in refused.value.problems]
    assert before == office.store.offset
    assert office.store.events == []


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        ({"headers": {"Host": "x", "X": "y"}}, ["callbacks/headers/Host"]),
        ({"headers": {"X": "a\r\nb"}}, ["callbacks/headers/X"]),
        ({"headers": {"X Y": "a"}}, ["callbacks/headers/X Y/[key]"]),
        ({"events": [CallbackEvent.SENT] * 2}, ["callbacks/events"]),
    ],
)
async def test_each_problem_of_callbacks_has_its_place(office: Office, settings: Any, places: list[str]) -> None:
    """As those of a trunk itself."""
    with pytest.raises(RuleViolated) as refused:
        await office.operations.trunks.update(office.actor(), TRUNK, {"callbacks": settings})
    assert [place for place, _ in refused.value.problems] == places


async def test_options_of_callbacks_stay_until_they_are_set(office: Office) -> None:
    """Each on its own; what is put back to usual leaves nothing behind, and the audit log says what there was."""
    trunks = office.operations.trunks
    changed, _ = await trunks.update(office.actor(), TRUNK, {"callbacks": {"headers": {" X-A ": " 1 "}}})
    changed, _ = await trunks.update(office.actor(), TRUNK, {"callbacks": {"events": [CallbackEvent.SENT]}})
    assert changed.callbacks == CallbackOptions(headers={"X-A": "1"}, events=(CallbackEvent.SENT,))
    assert [(it.before, it.after) for it in office.store.events[-1].differences] == [
        ("headers: X-A=1", "events: sent, headers: X-A=1")
    ]
    changed, _ = await trunks.update(office.actor(), TRUNK, {"callbacks": {"events": [], "headers": None}})
    assert changed.callbacks is None
    await trunks.update(office.actor(), TRUNK, {"callbacks": {"events": [CallbackEvent.SENT]}})
    changed, _ = await trunks.update(office.actor(), TRUNK, {"callbacks": None})
    assert changed.callbacks is None


async def test_a_new_trunk_works_with_its_password(office: Office) -> None:
    """What is entered is kept in normal form; the password that is returned is the one that ingress accepts."""
    trunk, password = await office.operations.trunks.create(
        office.actor(),
        {"name": " Marketing ", "callback_url": " ", "allowed_ips": ["192.0.2.9/24", "::ffff:192.0.2.1"]},
    )
    assert (trunk.name, trunk.callback_url, trunk.account_id) == ("Marketing", None, OURS)
    assert trunk.allowed_ips == ("192.0.2.0/24", "192.0.2.1/32")
    assert verify(trunk.credentials[0], trunk.id, password, PEPPER)
    assert await office.operations.trunk_secrets.reveal_password(office.actor(), trunk.id) == password


async def test_the_form_proposes_a_free_name(office: Office) -> None:
    """The first number that is not taken, in the account in question."""
    assert office.operations.trunks.propose_name(office.actor()) == "Outbound SMS trunk 2"
    await office.operations.trunks.delete(office.actor(), [TRUNK])
    assert office.operations.trunks.propose_name(office.actor()) == "Outbound SMS trunk 1"
    assert office.operations.trunks.propose_name(office.actor(PanelRole.OPERATOR), THEIRS) == "Outbound SMS trunk 2"


async def test_a_deleted_trunk_is_gone_but_kept(office: Office) -> None:
    """Its record stays for messages in flight; to people it is not there, and its name is free."""
    await office.operations.trunks.delete(office.actor(), [TRUNK])
    assert office.stored(TRUNK).deleted_at == office.now
    with pytest.raises(NotFound):
        office.operations.trunks.get(office.actor(), TRUNK)
    assert office.operations.trunks.list(office.actor()).total == 0


async def test_batch_delete_is_all_or_nothing(office: Office) -> None:
    """One that is not there, and none goes."""
    with pytest.raises(NotFound):
        await office.operations.trunks.delete(office.actor(), [TRUNK, uuid(999)])
    assert office.stored(TRUNK).deleted_at is None


async def test_trunks_are_found_and_sorted_as_people_read(office: Office) -> None:
    """`trunk 2` before `trunk 10`; filters ignore upper and lower case; a page beyond the end is empty."""
    for number in (10, 2):
        await office.operations.trunks.create(office.actor(), {"name": f"Sales {number}", "blocked": number == 2})
    listed = office.operations.trunks.list
    assert [it.name for it in listed(office.actor(), name="sALES").items] == ["Sales 2", "Sales 10"]
    assert [it.name for it in listed(office.actor(), blocked=True).items] == ["Sales 2"]
    names = ["Sales 10", "Sales 2", "Outbound SMS trunk 1"]
    assert names == [it.name for it in listed(office.actor(), paging=Paging("-name")).items]
    part = listed(office.actor(), paging=Paging(number=2, size=2))
    assert (len(part.items), part.total, part.pages, part.first, part.last) == (1, 3, 2, 3, 3)
    assert listed(office.actor(), paging=Paging(number=9)).items == ()
    assert listed(office.actor(PanelRole.OPERATOR)).total == 4


async def test_operators_name_the_account_where_there_are_several(office: Office) -> None:
    """There is no account that could be meant."""
    with pytest.raises(RuleViolated, match="account_id"):
        await office.operations.trunks.create(office.actor(PanelRole.OPERATOR), {"name": "x"})


async def test_sources_are_the_p2p_enabled_dids(office: Office) -> None:
    """All of the account's, or those of the trunk's own list."""
    assert office.operations.trunks.available_sources(office.actor()) == DIDS
    assert office.operations.trunks.sources_of(office.actor(), TRUNK) == DIDS
    await office.operations.trunks.update(office.actor(), TRUNK, {"allow_any_did": False, "allowed_sources": [DIDS[1]]})
    assert office.operations.trunks.sources_of(office.actor(), TRUNK) == (DIDS[1],)
