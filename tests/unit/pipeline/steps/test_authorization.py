"""Authorization: who may send from where to whom, and which rule speaks first."""

from datetime import timedelta

import pytest

from pipeline.steps.authorization import Grant, Refusal, authorize, authorize_destination
from schemas.directory.account import Account
from schemas.directory.entry import key_of
from schemas.directory.trunk import Trunk
from schemas.status import CodeId
from tests.builders import CREATED, account, did, directory_of, trunk, uuid

OTHER_ACCOUNT_ID = uuid(2)
ALLOWED, P2P, NOT_P2P, FOREIGN = "12125551234", "12125551235", "12125551236", "12125551237"
NOW = CREATED

ACCOUNT, TRUNK = account(), trunk()
DIDS = [did(ALLOWED), did(P2P), did(NOT_P2P, p2p_enabled=False), did(FOREIGN, account_id=OTHER_ACCOUNT_ID)]


def test_a_p2p_did_of_the_account_is_granted() -> None:
    """The grant holds the trunk and its account."""
    held = directory_of(ACCOUNT, TRUNK, account(2), *DIDS)
    assert Grant(TRUNK, ACCOUNT) == authorize(held, TRUNK.id, ALLOWED, NOW) == authorize(held, TRUNK.id, P2P, NOW)


@pytest.mark.parametrize(
    ("the_trunk", "the_account", "source", "code_id", "reason"),
    [
        (None, ACCOUNT, ALLOWED, CodeId.TRUNK_BLOCKED, "there is no such trunk"),
        (trunk(deleted_at=NOW), ACCOUNT, ALLOWED, CodeId.TRUNK_BLOCKED, "the trunk has been deleted"),
        (trunk(blocked=True), ACCOUNT, ALLOWED, CodeId.TRUNK_BLOCKED, "the trunk is blocked"),
        (TRUNK, None, ALLOWED, CodeId.ACCOUNT_BLOCKED, "the trunk's account is not known"),
        (
            TRUNK,
            account(blocked=True),
            ALLOWED,
            CodeId.ACCOUNT_BLOCKED,
            "the trunk's account is blocked",
        ),
        *(
            (TRUNK, ACCOUNT, source, CodeId.SOURCE_NOT_ALLOWED, "the source is not a DID of the account")
            for source in ("19995551234", FOREIGN, "", "+" + ALLOWED, ALLOWED + " ", "MyBrand", "\ud800")
        ),
        (TRUNK, ACCOUNT, NOT_P2P, CodeId.SOURCE_NOT_ALLOWED, "the source is not enabled for Outbound P2P SMS"),
        (
            trunk(allow_any_did=False, allowed_sources=(ALLOWED, NOT_P2P, FOREIGN)),
            ACCOUNT,
            P2P,
            CodeId.SOURCE_NOT_ALLOWED,
            "the source is not among the trunk's allowed sources",
        ),
        (
            trunk(allow_any_did=False),
            ACCOUNT,
            ALLOWED,
            CodeId.SOURCE_NOT_ALLOWED,
            "the source is not among the trunk's allowed sources",
        ),
        # A list that names them does not make a foreign number or one without P2P a sender.
        (
            trunk(allow_any_did=False, allowed_sources=(FOREIGN,)),
            ACCOUNT,
            FOREIGN,
            CodeId.SOURCE_NOT_ALLOWED,
            "the source is not a DID of the account",
        ),
        (
            trunk(allow_any_did=False, allowed_sources=(NOT_P2P,)),
            ACCOUNT,
            NOT_P2P,
            CodeId.SOURCE_NOT_ALLOWED,
            "the source is not enabled for Outbound P2P SMS",
        ),
        # Everything is wrong at once: the first rule answers.
        (trunk(blocked=True), None, FOREIGN, CodeId.TRUNK_BLOCKED, "the trunk is blocked"),
        (TRUNK, None, FOREIGN, CodeId.ACCOUNT_BLOCKED, "the trunk's account is not known"),
    ],
)
def test_each_rule_refuses_with_its_code(
    the_trunk: Trunk | None, the_account: Account | None, source: str, code_id: CodeId, reason: str
) -> None:
    """Trunk, account, source: in this order, with the contract's number and a reason in words."""
    held = directory_of(*(entry for entry in (the_trunk, the_account) if entry is not None), *DIDS)
    assert Refusal(code_id, reason) == authorize(held, TRUNK.id, source, NOW)


def test_what_was_submitted_before_its_trunk_was_deleted_still_finishes() -> None:
    """The deletion counts from its moment on, by the broker's clock."""
    held = directory_of(ACCOUNT, trunk(deleted_at=NOW), *DIDS)
    assert isinstance(authorize(held, TRUNK.id, ALLOWED, NOW - timedelta(milliseconds=1)), Grant)
    assert isinstance(authorize(held, TRUNK.id, ALLOWED, NOW), Refusal)


def test_an_allowed_source_is_granted_when_the_toggle_is_off() -> None:
    """The list decides then, and a change of it is in force with the next question."""
    picky = trunk(allow_any_did=False, allowed_sources=(ALLOWED,))
    held = directory_of(ACCOUNT, picky, *DIDS)
    assert Grant(picky, ACCOUNT) == authorize(held, TRUNK.id, ALLOWED, NOW)
    changed = trunk(allow_any_did=False, allowed_sources=(P2P,))
    held.apply(key_of(changed), changed.to_bytes())
    assert isinstance(authorize(held, TRUNK.id, ALLOWED, NOW), Refusal)
    assert Grant(changed, ACCOUNT) == authorize(held, TRUNK.id, P2P, NOW)


def test_a_did_that_moves_to_another_account_takes_its_right_along() -> None:
    """Ownership is looked up for each submission."""
    held = directory_of(ACCOUNT, TRUNK, *DIDS)
    moved = did(ALLOWED, account_id=OTHER_ACCOUNT_ID)
    held.apply(key_of(moved), moved.to_bytes())
    assert isinstance(authorize(held, TRUNK.id, ALLOWED, NOW), Refusal)


@pytest.mark.parametrize("destination", ["15551234567", "447700900123", "37041652729"])
def test_possible_destinations_pass(destination: str) -> None:
    """Also numbers of test ranges, which no directory lists as valid."""
    assert authorize_destination(destination) is None


@pytest.mark.parametrize("destination", ["4412", "+15551234567", "123456789012345", "", "١٢٣٤٥٦٧٨", "1555123456\n"])
def test_impossible_destinations_are_refused(destination: str) -> None:
    """What cannot be a number is refused with the contract's code and with words."""
    refusal = authorize_destination(destination)
    assert refusal is not None
    assert refusal.code_id == CodeId.DESTINATION_NOT_ALLOWED
    assert "destination" in refusal.reason
