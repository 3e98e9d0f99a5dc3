"""Every rule of the directory, each broken alone, and what it means that a set is checked as a whole."""

import time
from decimal import Decimal

import pytest

from pipeline.directory.rules.changes import Change, Removal
from pipeline.directory.rules.check import check
from pipeline.errors import RuleViolated
from schemas.directory.account import Account, Did, NumberCheck
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier
from schemas.directory.entry import DirectoryEntry
from schemas.directory.people import PanelRole, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk
from tests.builders import (
    LATER,
    OTHER_SECRET,
    account,
    campaign,
    carrier,
    credential,
    did,
    directory_of,
    route,
    secret,
    sender,
    trunk,
    user,
    uuid,
)

T = f"trunk:{uuid(11)}"
N = f"trunk:{uuid(14)}"  # a new one
HELD: tuple[DirectoryEntry, ...] = (
    account(1),
    account(2),
    did("12125551234"),
    did("12125551235"),
    did("12125551236", p2p_enabled=False),
    did("12125559999", account_id=uuid(2)),
    did("4407700900199"),
    sender(),
    trunk(11, name="Main", allowed_sources=("12125551234",), allow_any_did=False),
    trunk(12, name="Gone", deleted_at=LATER, allowed_sources=("12125551235",)),
    trunk(13, account_id=uuid(2)),
    sender("Tied", 17),
    campaign(19, senders=("Tied", "12125551236"), trunk_ids=(uuid(12),)),
    carrier(21),
    route(31),
    user(41),
)


def problems(*changes: Change) -> list[tuple[str, str]]:
    try:
        check(changes, directory_of(*HELD))
    except RuleViolated as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    "changes",
    [
        (account(3), did("12125550000", account_id=uuid(3)), trunk(14, account_id=uuid(3))),
        (account(3, spend_per_day=Decimal(5), spend_currency="EUR"), trunk(14, segments_per_day=1)),
        (account(3, messages_per_range=5, range_window_minutes=9), trunk(14, same_text_minutes=1)),
        (trunk(14, name="main", account_id=uuid(2)),),
        (trunk(14, name="gone"),),
        (trunk(14, name="Main"), trunk(11, name="Renamed")),
        (trunk(14, allowed_sources=("12125551235",)),),
        (trunk(14, allowed_ips=("192.0.2.0/24", "2001:db8::/32")),),
        (trunk(14, callback_url=None),),
        (trunk(14, callback_disabled_at=LATER),),
        (trunk(12, name="Restored"),),
        (trunk(11, callback_url="nonsense", allowed_sources=("12125559999",), deleted_at=LATER),),
        (trunk(11, credentials=(credential(version=2), credential(valid_until=LATER))),),
        (trunk(11, callback_secrets=(secret(OTHER_SECRET), secret(valid_until=LATER))),),
        (Removal(Did, "12125551235"),),
        (Removal(Did, "12125551234"), trunk(11)),
        (Removal(Did, "12125551234"), trunk(11, deleted_at=LATER)),
        (did("12125551235", p2p_enabled=False),),
        (did("12125551235", account_id=uuid(2)),),
        (Removal(Trunk, uuid(12)),),
        (Removal(Trunk, uuid(99)),),
        (Removal(Route, uuid(31)), Removal(Carrier, uuid(21))),
        (carrier(22), route(32, carrier_id=uuid(22))),
        (route(32, destination_prefix="44"),),
        (route(32, source_prefix="12"), route(33, account_id=uuid(2)), route(34, source_prefix="1212")),
        (route(32, account_id=uuid(3)), account(3)),
        (route(32, destination_prefix="44", price_per_segment=Decimal("0.01"), currency="EUR"),),
        (account(3, number_check=NumberCheck.FORM), did("4407700900123", account_id=uuid(3))),
        (did("345901234567890"),),
        (did("4407700900199", p2p_enabled=False),),  # it was there before this was asked
        (trunk(13, account_id=uuid(2), deleted_at=LATER), Removal(Did, "12125559999"), Removal(Account, uuid(2))),
        (user(42, account_id=None, role=PanelRole.OPERATOR),),
        (sender(number=20, account_id=uuid(2)), sender("12345", 18), sender("EXAMPLE", 19, countries=("DE", "001"))),
        (Removal(Sender, uuid(16)),),
        (campaign(20, senders=("12125551236", "Example")), campaign(21, account_id=uuid(2), name="campaign 20",
            senders=("12125559999",), trunk_ids=(uuid(13),))),
        (sender("12345", 18), campaign(20, senders=("12345",))),
        (campaign(20, senders=("Example",)), Removal(Did, "12125551235")),
        (campaign(19, senders=("12125551234",)), Removal(Sender, uuid(17))),
        (Removal(Campaign, uuid(19)), Removal(Sender, uuid(17))),
        (campaign(19, senders=("Tied",), trunk_ids=(uuid(12), uuid(11))),),  # it named a trunk that has gone since
    ],
)  # fmt: skip
def test_what_is_allowed(changes: tuple[Change, ...]) -> None:
    """Sets that leave a sound directory, also those whose parts would not be sound alone."""
    assert problems(*changes) == []


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        (account(3, name=" x"), f"account:{uuid(3)}/name", "begin or end with a space"),
        (account(3, spend_per_day=Decimal(5)), f"account:{uuid(3)}/spend_currency", "what the spend per day is in"),
        (trunk(14, spend_currency="EUR"), f"{N}/spend_currency", "no spend per day"),
        (trunk(14, messages_per_number=5), f"{N}/number_window_minutes", "in how many minutes"),
        (trunk(14, range_window_minutes=5), f"{N}/range_window_minutes", "no limit of messages"),
        (account(3, messages_per_range=5), f"account:{uuid(3)}/range_window_minutes", "in how many minutes"),
        (did("12125550000", account_id=uuid(9)), "did:12125550000/account_id", "there is no account"),
        (did("1212555"), "did:1212555/number", "not a possible phone number"),
        (did("4407700900123"), "did:4407700900123/number", "447700900123 is meant"),
        (did("4407700900199", account_id=uuid(2)), "did:4407700900199/number", "447700900199 is meant"),
        (did("12125551234", p2p_enabled=False), "did:12125551234", "allowed source of 1 trunk: 'Main'"),
        (did("12125551234", account_id=uuid(2)), "did:12125551234", "allowed source of 1 trunk: 'Main'"),
        (Removal(Did, "12125551234"), "did:12125551234", "allowed source of 1 trunk: 'Main'"),
        (campaign(20, name=" x"), f"campaign:{uuid(20)}/name", "begin or end with a space"),
        (campaign(20, name="Campaign 19"), f"campaign:{uuid(20)}/name", "another campaign has the same"),
        (campaign(19, account_id=uuid(2), senders=("12125559999",), trunk_ids=(uuid(13),)),
            f"campaign:{uuid(19)}/account_id", "cannot move to another account"),
        (campaign(20, senders=("12125559999",)), f"campaign:{uuid(20)}/senders/0", "neither a DID nor"),
        (campaign(20, senders=("Example", "EXAMPLE")), f"campaign:{uuid(20)}/senders/1", "neither a DID nor"),
        (campaign(20, senders=("Example",) * 2), f"campaign:{uuid(20)}/senders/1", "listed twice"),
        (campaign(20, trunk_ids=(uuid(11), uuid(13))), f"campaign:{uuid(20)}/trunk_ids/1", "the account has no trunk"),
        (campaign(20, trunk_ids=(uuid(12),)), f"campaign:{uuid(20)}/trunk_ids/0", "the account has no trunk"),
        (campaign(20, trunk_ids=(uuid(11),) * 2), f"campaign:{uuid(20)}/trunk_ids/1", "listed twice"),
        (Removal(Sender, uuid(17)), f"sender:{uuid(17)}", "is a sender of the campaign 'campaign 19'"),
        (Removal(Did, "12125551236"), "did:12125551236", "is a sender of the campaign 'campaign 19'"),
        (did("12125551236", account_id=uuid(2)), "did:12125551236", "is a sender of the campaign 'campaign 19'"),
        (sender(number=18), f"sender:{uuid(18)}/address", "another sender has the same"),
        (sender("12345", 18, account_id=uuid(9)), f"sender:{uuid(18)}/account_id", "there is no account"),
        (sender(account_id=uuid(2)), f"sender:{uuid(16)}/account_id", "cannot move to another account"),
        (sender("12345", 18, countries=("DE", "XX")), f"sender:{uuid(18)}/countries/1", "XX is no country"),
        (trunk(14, account_id=uuid(9)), f"{N}/account_id", "there is no account"),
        (trunk(14, name="mAIN"), f"{N}/name", "'mAIN' is the name of another trunk"),
        (trunk(14, name="a\nb"), f"{N}/name", "control characters"),
        (trunk(14, callback_url="ftp://x"), f"{N}/callback_url", "must begin with http"),
        (trunk(14, callback_url=None, callback_disabled_at=LATER), f"{N}/callback_disabled_at", "no callback URL"),
        (trunk(14, allowed_ips=("10.0.0.0/8", "10")), f"{N}/allowed_ips/1", "'10' is not an IPv4"),
        (trunk(14, allowed_ips=("10.0.0.1",)), f"{N}/allowed_ips/0", "must be written as 10.0.0.1/32"),
        (trunk(14, allowed_sources=("12125551236",)), f"{N}/allowed_sources/0", "not enabled for Outbound"),
        (trunk(14, allowed_sources=("12125559999",)), f"{N}/allowed_sources/0", "not a DID of the account"),
        (trunk(14, allowed_sources=("12125550000",)), f"{N}/allowed_sources/0", "not a DID of the account"),
        (trunk(14, allowed_sources=("12125551234",) * 2), f"{N}/allowed_sources/1", "listed twice"),
        (trunk(14, credentials=(credential("username-11"),)), f"{N}/credentials/0/username", "another trunk"),
        (trunk(14, credentials=(credential("username-12"),)), f"{N}/credentials/0/username", "another trunk"),
        (trunk(11, account_id=uuid(2)), f"{T}/account_id", "cannot move"),
        (trunk(11, credentials=(credential(hmac="f" * 64),)), f"{T}/credentials/0/version", "must grow"),
        (trunk(11, credentials=(credential("new-username"),)), f"{T}/credentials/0/version", "must grow"),
        (trunk(11, credentials=(credential(valid_until=LATER),)), f"{T}/credentials/0/valid_until", "no end"),
        (trunk(11, credentials=(credential(version=2), credential())), f"{T}/credentials/1/valid_until", "an end"),
        (trunk(11, credentials=(credential(), credential(valid_until=LATER))), f"{T}/credentials/1/version", "lower"),
        (trunk(11, credentials=(credential(version=2, sealed="?"),)), f"{T}/credentials/0/sealed", "must be base64"),
        (trunk(11, credentials=(credential(version=2, sealed="AAAA"),)), f"{T}/credentials/0/sealed", "too short"),
        (trunk(11, credentials=(credential(version=2, key_id=""),)), f"{T}/credentials/0/key_id", "must not be empty"),
        (trunk(11, callback_secrets=(secret("whsec_" + "A" * 33),)), f"{T}/callback_secrets/0/secret", "base64"),
        (trunk(11, callback_secrets=(secret("whsec_" + "A" * 88),)), f"{T}/callback_secrets/0/secret", "24 to 64"),
        (trunk(11, callback_secrets=(secret(valid_until=LATER),)), f"{T}/callback_secrets/0/valid_until", "no end"),
        (trunk(11, callback_secrets=(secret(), secret(OTHER_SECRET))), f"{T}/callback_secrets/1/valid_until", "an end"),
        (trunk(11, callback_secrets=(secret(), secret(valid_until=LATER))), f"{T}/callback_secrets", "different"),
        (Removal(Trunk, uuid(11)), T, "delete it first"),
        (Removal(Account, uuid(2)), f"account:{uuid(2)}", "still has 2 entries"),
        (carrier(22, url="nonsense"), f"carrier:{uuid(22)}/url", "must begin with http"),
        (carrier(22, name="CARRIER 21"), f"carrier:{uuid(22)}/name", "another carrier has the same"),
        (Removal(Carrier, uuid(21)), f"carrier:{uuid(21)}", "1 route still leads to it"),
        (route(32, carrier_id=uuid(22)), f"route:{uuid(32)}/carrier_id", "there is no carrier"),
        (route(32, priority=5), f"route:{uuid(32)}/destination_prefix", "another route has the same"),
        (route(32, account_id=uuid(9)), f"route:{uuid(32)}/account_id", "there is no account"),
        (route(32, destination_prefix="1", currency="EUR"), f"route:{uuid(32)}/currency", "there is no price"),
        (user(42, email="User41@Example.com"), f"paneluser:{uuid(42)}/email", "another user has the same"),
        (user(42, account_id=None), f"paneluser:{uuid(42)}/account_id", "operators have no account"),
        (user(42, role=PanelRole.OPERATOR), f"paneluser:{uuid(42)}/account_id", "operators have no account"),
        (user(42, account_id=uuid(9)), f"paneluser:{uuid(42)}/account_id", "there is no account"),
    ],
)  # fmt: skip
def test_each_rule(change: Change, where: str, what: str) -> None:
    """One rule broken is one problem, at its attribute."""
    ((found_where, found_what),) = problems(change)
    assert found_where == where
    assert what in found_what


def test_a_version_never_goes_back() -> None:
    """An old copy of a trunk cannot bring an old password back."""
    held = directory_of(account(1), trunk(11, credentials=(credential(version=5),)))
    with pytest.raises(RuleViolated) as raised:
        check([trunk(11, credentials=(credential(version=4),))], held)
    assert raised.value.problems == [(f"{T}/credentials/0/version", "must not go back from 5 to 4")]


def test_a_password_sealed_anew_keeps_its_version() -> None:
    """Rotating the key file changes the seal and nothing that ingress knows."""
    held = directory_of(account(1), trunk(11))
    resealed = credential(sealed=credential().sealed, key_id="new")
    check([trunk(11, credentials=(resealed,))], held)


def test_all_problems_of_a_set_are_told_at_once() -> None:
    """Nobody has to repair one thing to hear of the next."""
    found = problems(
        trunk(14, name="Main", callback_url="x", allowed_ips=("a", "b")),
        trunk(15, name="Main"),
        did("1212555", account_id=uuid(9)),
        Removal(Carrier, uuid(21)),
    )
    assert [where for where, _ in found] == [
        f"{N}/callback_url",
        f"{N}/allowed_ips/0",
        f"{N}/allowed_ips/1",
        "did:1212555/number",
        "did:1212555/account_id",
        f"{N}/name",
        f"trunk:{uuid(15)}/name",
        f"carrier:{uuid(21)}",
    ]


def test_an_entry_changed_twice_is_refused() -> None:
    """The same number for two accounts in one set: a DID is owned by one."""
    found = problems(did("12125550000"), did("12125550000", account_id=uuid(2)))
    assert found == [("did:12125550000", "is changed twice at once")]


@pytest.mark.parametrize(
    ("update", "where"),
    [
        ({"name": ""}, f"{T}/name"),
        ({"credentials": ()}, f"{T}/credentials"),
        ({"allowed_sources": ("+1",)}, f"{T}/allowed_sources/0"),
        ({"created_at": "yesterday"}, f"{T}/created_at"),
    ],
)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_what_no_reader_would_take_is_not_written(update: dict[str, object], where: str) -> None:
    """`model_copy` does not validate; the rules do."""
    assert [place for place, _ in problems(trunk(11).model_copy(update=update))] == [where]


def test_an_entry_fits_into_a_record() -> None:
    """A trunk with more sources than a record can hold is refused with a way out."""
    numbers = tuple(f"1212{number:07d}" for number in range(2_000_000, 2_090_000))
    held = directory_of(account(1), *(did(number) for number in numbers))
    with pytest.raises(RuleViolated) as raised:
        check([trunk(14, allowed_sources=numbers)], held)
    ((where, what),) = raised.value.problems
    assert where == f"trunk:{uuid(14)}"
    assert "list fewer sources, or allow any DID" in what


def test_a_large_set_is_checked_in_one_pass() -> None:
    """20,000 DIDs and 2,000 trunks together cost time in proportion, not by each other."""
    dids = [did(f"1212{number:07d}") for number in range(2_000_000, 2_020_000)]
    trunks = [
        trunk(number, allowed_sources=tuple(did.number for did in dids[number : number + 20]))
        for number in range(1000, 3000)
    ]
    held = directory_of(account(1))
    began = time.process_time()
    check([*dids, *trunks], held)
    assert time.process_time() - began < 10


def test_keys_of_removals() -> None:
    """A removal deletes the record that its entry was written to."""
    assert Removal(PanelUser, uuid(41)).key == f"paneluser:{uuid(41)}".encode()
    assert Removal(Did, "12125551234").key == b"did:12125551234"
