"""Authorization: who may send from where to whom, and which rule speaks first."""

from datetime import timedelta

import pytest

from pipeline.steps.authorization import Grant, Refusal, authorize, authorize_destination
from schemas.directory.account import Account, NumberCheck
from schemas.directory.campaign import Campaign
from schemas.directory.entry import key_of
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk
from schemas.messages.status import CodeId
from tests.builders import CREATED, account, campaign, did, directory_of, sender, trunk, uuid

OTHER_ACCOUNT_ID = uuid(2)
ALLOWED, P2P, NOT_P2P, FOREIGN = "12125551234", "12125551235", "12125551236", "12125551237"
NOW = CREATED

ACCOUNT, TRUNK = account(), trunk()
DIDS = [did(ALLOWED), did(P2P), did(NOT_P2P, p2p_enabled=False), did(FOREIGN, account_id=OTHER_ACCOUNT_ID)]
NAME, SHORT_CODE = sender("Name"), sender("12345", 17, countries=("DE", "GG", "001"))
SENDERS = [NAME, SHORT_CODE, sender("Theirs", 18, account_id=OTHER_ACCOUNT_ID)]


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
            for source in ("19995551234", FOREIGN)
        ),
        *(
            (TRUNK, ACCOUNT, source, CodeId.SOURCE_NOT_ALLOWED, "the source is not a registered sender of the account")
            for source in ("", "+" + ALLOWED, ALLOWED + " ", "MyBrand", "NAME", "Name ", "Theirs", "54321", "\ud800")
        ),
        (
            trunk(allow_any_did=False, allowed_sources=(ALLOWED,)),
            ACCOUNT,
            "Name",
            CodeId.SOURCE_NOT_ALLOWED,
            "the source is not among the trunk's allowed sources",
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
    held = directory_of(*(entry for entry in (the_trunk, the_account) if entry is not None), *DIDS, *SENDERS)
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
    assert authorize_destination(directory_of(), Grant(TRUNK, ACCOUNT), destination) is None


@pytest.mark.parametrize("destination", ["4412", "+15551234567", "123456789012345", "", "١٢٣٤٥٦٧٨", "1555123456\n"])
def test_impossible_destinations_are_refused(destination: str) -> None:
    """What cannot be a number is refused with the contract's code and with words."""
    refusal = authorize_destination(directory_of(), Grant(TRUNK, ACCOUNT), destination)
    assert refusal is not None
    assert refusal.code_id == CodeId.DESTINATION_NOT_ALLOWED
    assert "destination" in refusal.reason


@pytest.mark.parametrize(
    ("destination", "country"),
    [
        ("15551234567", None),
        ("18765551234", "JM"),
        ("77015551234", "KZ"),
        ("447781123456", "GG"),
        ("881612345678", "001"),
    ],
)
def test_destinations_in_refused_countries_are_refused(destination: str, country: str | None) -> None:
    """By the country of the number, also where several share a calling code."""
    grant = Grant(trunk(refused_countries=("JM", "KZ", "GG", "001")), ACCOUNT)
    refusal = authorize_destination(directory_of(), grant, destination)
    wanted = country and Refusal(CodeId.DESTINATION_NOT_ALLOWED, f"the trunk does not send to {country}")
    assert refusal == wanted


def test_who_has_opted_out_gets_nothing() -> None:
    """Of the account that was told so; whoever opts in again does."""
    directory, grant = directory_of(), Grant(TRUNK, ACCOUNT)
    directory.opt_outs.add(ACCOUNT.id, "15551234567", NOW)
    directory.opt_outs.add(OTHER_ACCOUNT_ID, "15551234568", NOW)
    refused = Refusal(CodeId.DESTINATION_NOT_ALLOWED, "the destination has opted out")
    assert authorize_destination(directory, grant, "15551234567") == refused
    assert authorize_destination(directory, grant, "15551234568") is None
    directory.opt_outs.remove(ACCOUNT.id, "15551234567")
    assert authorize_destination(directory, grant, "15551234567") is None


@pytest.mark.parametrize("known", SENDERS[:2], ids=lambda it: it.address)
def test_a_registered_sender_of_the_account_is_granted(known: Sender) -> None:
    """On a trunk that allows any DID; the grant holds the sender, whose countries are asked for each destination."""
    held = directory_of(ACCOUNT, TRUNK, *DIDS, *SENDERS)
    assert authorize(held, TRUNK.id, known.address, NOW) == Grant(TRUNK, ACCOUNT, known)
    held.apply(key_of(known), None)
    assert isinstance(authorize(held, TRUNK.id, known.address, NOW), Refusal)


@pytest.mark.parametrize(
    ("destination", "country"),
    [
        ("4915112345678", None), ("447781123456", None), ("881612345678", None),
        ("447700900123", "GB"), ("15551234567", "US"), ("18765551234", "JM"),
    ],
)  # fmt: skip
def test_a_sender_is_good_for_its_countries(destination: str, country: str | None) -> None:
    """One without a list for all of them; the sender is what is wrong, so the code is the source's."""
    refusal = country and Refusal(CodeId.SOURCE_NOT_ALLOWED, f"the source is not registered for {country}")
    assert authorize_destination(directory_of(), Grant(TRUNK, ACCOUNT, SHORT_CODE), destination) == refusal
    assert authorize_destination(directory_of(), Grant(TRUNK, ACCOUNT, NAME), destination) is None


def test_a_country_that_the_trunk_refuses_is_the_destinations_problem() -> None:
    """Whatever its sender is good for."""
    grant = Grant(trunk(refused_countries=("DE",)), ACCOUNT, SHORT_CODE)
    refused = Refusal(CodeId.DESTINATION_NOT_ALLOWED, "the trunk does not send to DE")
    assert authorize_destination(directory_of(), grant, "4915112345678") == refused


def test_a_number_in_no_country_is_in_none_of_a_senders() -> None:
    """Accounts whose numbers are checked by their form alone can send to such."""
    lenient = account(number_check=NumberCheck.FORM)
    refused = Refusal(CodeId.SOURCE_NOT_ALLOWED, "the source is not registered for its country")
    assert authorize_destination(directory_of(), Grant(TRUNK, lenient, SHORT_CODE), "21012345678") == refused


CAMPAIGN = campaign(senders=(ALLOWED, NOT_P2P, "Name", "12345"))


@pytest.mark.parametrize("source", [ALLOWED, NOT_P2P, "Name", "12345"])
@pytest.mark.parametrize("allow_any_did", [True, False])
def test_a_campaign_lets_its_senders_through_its_trunks(source: str, allow_any_did: bool) -> None:
    """DIDs that are not for P2P, and whatever the trunk lists; the countries of a sender count all the same."""
    through = trunk(allow_any_did=allow_any_did)
    held = directory_of(ACCOUNT, through, *DIDS, *SENDERS, CAMPAIGN)
    sender_of = {it.address: it for it in SENDERS}.get(source)
    assert authorize(held, TRUNK.id, source, NOW, CAMPAIGN.id) == Grant(through, ACCOUNT, sender_of)


@pytest.mark.parametrize(
    ("held", "source", "code_id", "reason"),
    [
        (None, ALLOWED, 10, "the account has no such campaign"),
        (campaign(account_id=OTHER_ACCOUNT_ID), ALLOWED, 10, "the account has no such campaign"),
        (campaign(blocked=True, trunk_ids=(uuid(12),)), ALLOWED, 10, "the campaign is blocked"),
        (campaign(trunk_ids=(uuid(12),)), ALLOWED, 11, "the campaign does not cover the trunk"),
        (CAMPAIGN, P2P, 11, "the campaign does not cover the source"),
        (CAMPAIGN, "NAME", 11, "the campaign does not cover the source"),
        (campaign(senders=(FOREIGN,)), FOREIGN, 8, "the source is not a DID of the account"),
        (campaign(senders=("Theirs",)), "Theirs", 8, "the source is not a registered sender of the account"),
    ],
)
def test_what_a_campaign_does_not_cover_is_refused(
    held: Campaign | None, source: str, code_id: int, reason: str
) -> None:
    """Before anything is asked of the source; a campaign makes nobody the owner of a number."""
    known = directory_of(ACCOUNT, TRUNK, *DIDS, *SENDERS, *([] if held is None else [held]))
    assert authorize(known, TRUNK.id, source, NOW, uuid(19)) == Refusal(CodeId(code_id), reason)


def test_a_blocked_trunk_is_said_before_its_campaign() -> None:
    """Trunk and account come first, whatever the campaign is."""
    held = directory_of(ACCOUNT, trunk(blocked=True), *DIDS)
    assert authorize(held, TRUNK.id, ALLOWED, NOW, uuid(19)) == Refusal(CodeId.TRUNK_BLOCKED, "the trunk is blocked")
