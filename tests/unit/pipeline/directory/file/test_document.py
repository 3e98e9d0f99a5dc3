"""The directory as a file: what comes back from an export, what applying twice does, and what a bad file is told."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.directory.callback_secrets import CallbackSealer, secrets_of, with_secrets
from pipeline.directory.credentials import new_callback_secret, new_password_verifier, verify
from pipeline.directory.file.document import DirectoryFile, export
from pipeline.directory.file.plan import Issuer, Plan
from pipeline.directory.key_file import SealingKey
from pipeline.directory.model import Directory
from pipeline.directory.rules.changes import Change, Removal, change_key
from pipeline.directory.values import name_key, name_problem
from pipeline.errors import RuleViolated
from schemas.directory.account import Account, Did, NumberCheck
from schemas.directory.callback_options import CallbackEvent, CallbackOptions
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.directory.limits import LIMITS
from schemas.directory.people import ApiKey, PanelRole, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk
from schemas.text.smart_encoding import SmartEncoding
from tests.builders import (
    CREATED,
    LATER,
    OTHER_SECRET,
    PEPPER,
    SEALER,
    account,
    api_key,
    campaign,
    carrier,
    contents,
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
from tests.fakes.certificates import Authority

ISSUER = Issuer(lambda trunk_id: new_password_verifier(trunk_id, 1, PEPPER, SEALER), new_callback_secret)
CALLBACK_SEALER = CallbackSealer([SealingKey("k", b"k" * 32)])
SEALING = ISSUER._replace(callback_sealer=CALLBACK_SEALER)
AUTHORITY = Authority()
NOW = LATER + timedelta(days=1)

EMPTY = "accounts: []\ncarriers: []\nroutes: []\noperators: []\noperator_api_keys: []"

WRITTEN_BY_HAND = b"""
accounts:
  - name: Demo
    dids:
      - {number: 12125551234, p2p_enabled: yes}
      - number: "12125551235"
    trunks:
      - name: " Outbound SMS trunk 1 "
        callback_url: https://example.com/callback
        allowed_ips: [192.0.2.7, "2001:db8::1/64"]
        allow_any_did: no
        allowed_sources: [12125551234]
carriers:
  - name: Practice carrier
    url: http://127.0.0.1:9000/carrier/segments
    in_doubt_policy: resend_with_key
routes:
  - carrier: practice CARRIER
    price_per_segment: 0.0045
  - {destination_prefix: 044, carrier: Practice carrier, priority: 3}
  - {source_prefix: 012, account: DEMO, carrier: Practice carrier, price_per_segment: 1, currency: EUR}
"""


def plan(content: bytes | str, held: Directory, *, prune: bool = False, now: datetime = NOW) -> Plan:
    encoded = content if isinstance(content, bytes) else content.encode()
    return DirectoryFile.parse(encoded).plan(held, ISSUER, now, prune=prune)


def put(held: Directory, changes: tuple[Change, ...]) -> Directory:
    for change in changes:
        held.apply(change_key(change), None if isinstance(change, Removal) else change.to_bytes())
    return held


def problems(content: bytes | str, held: Directory, *, prune: bool = False) -> list[tuple[str, str]]:
    with pytest.raises(RuleViolated) as raised:
        plan(content, held, prune=prune)
    return raised.value.problems


def full() -> Directory:
    """A directory with every kind of entry and every attribute in use."""
    return directory_of(
        account(1, name="Näme: \"quoted\" # 1"),
        account(2, name="null", blocked=True, number_check=NumberCheck.FORM, store_texts=True),
        did("12125551234"),
        did("12125551235", p2p_enabled=False),
        sender("1e5", countries=("NO", "001")),
        sender("012", 17, account_id=uuid(2)),
        sender("no", 18),
        trunk(
            11,
            name="yes",
            allowed_ips=("192.0.2.0/24", "2001:db8::/32"),
            allow_any_did=False,
            allowed_sources=("12125551234",),
            blocked=True,
            receipts_enabled=True,
            smart_encoding=SmartEncoding.TRANSLITERATE,
            credentials=(credential(version=2), credential(valid_until=LATER)),
            callback_secrets=(secret(OTHER_SECRET), secret(valid_until=LATER)),
        ),
        trunk(12, name="YES", callback_url=None, deleted_at=LATER),
        trunk(
            13,
            account_id=uuid(2),
            callbacks=CallbackOptions(
                events=(CallbackEvent.DELIVERED,), headers={"yes": "0123", "X-A": "no # :"}, username="us",
                ca=AUTHORITY.pem, secrets=(CALLBACK_SEALER.seal(uuid(13), "password", "x"),),
            ),
        ),
        trunk(
            14,
            account_id=uuid(2),
            callbacks=CallbackOptions(secrets=(CALLBACK_SEALER.seal(uuid(14), "token", "x"),)),
        ),
        campaign(19, name="off", blocked=True, senders=("1e5", "12125551235"), trunk_ids=(uuid(11),)),
        campaign(20, name="1", account_id=uuid(2), senders=("012",), trunk_ids=(uuid(13), uuid(14))),
        carrier(21, name="0x10", in_doubt_policy=InDoubtPolicy.QUERY, max_in_flight=7, timeout_seconds=2.5),
        route(31, destination_prefix="0123", priority=4, price_per_segment=Decimal("0.004500"), blocked=True),
        route(32),
        route(33, source_prefix="0123", account_id=uuid(1), weight=70, price_per_segment=Decimal(1), currency="EUR",
              short_codes=True),
        route(34, account_id=uuid(2)),
        user(41, blocked=True),
        user(42, account_id=None, role=PanelRole.OPERATOR),
        api_key(51),
        api_key(52, account_id=None, role=PanelRole.OPERATOR),
    )  # fmt: skip


def test_a_file_written_by_hand_makes_a_directory() -> None:
    """Names stand for ids, defaults fill in, networks are normalized, and a new trunk gets credentials."""
    made = plan(WRITTEN_BY_HAND, Directory())
    held = put(Directory(), made.changes)
    (demo,) = held.entries(Account)
    (new,) = held.entries(Trunk)
    (practice,) = held.entries(Carrier)
    assert made.summary == (
        "1 account created", "2 DIDs created", "1 trunk created", "1 carrier created", "3 routes created",
    )  # fmt: skip
    assert {(entry.number, entry.account_id, entry.p2p_enabled) for entry in held.entries(Did)} == {
        ("12125551234", demo.id, True),
        ("12125551235", demo.id, False),
    }
    assert (new.account_id, new.name, new.created_at) == (demo.id, "Outbound SMS trunk 1", NOW)
    assert (new.allowed_ips, new.allowed_sources) == (("192.0.2.7/32", "2001:db8::/64"), ("12125551234",))
    assert practice.in_doubt_policy is InDoubtPolicy.RESEND_WITH_KEY
    assert {
        (
            entry.destination_prefix,
            entry.source_prefix,
            entry.account_id,
            entry.carrier_id,
            entry.priority,
            entry.currency,
        )
        for entry in held.entries(Route)
    } == {
        ("", None, None, practice.id, 0, None),
        ("044", None, None, practice.id, 3, None),
        ("", "012", demo.id, practice.id, 0, "EUR"),
    }
    ((issued, account_name, password),) = made.issued
    assert (issued, account_name) == (new, "Demo")
    assert verify(new.credentials[0], new.id, password, PEPPER)


def test_applying_a_file_twice_changes_nothing() -> None:
    """Ids, credentials and secrets that the first time made are found again by name."""
    held = put(Directory(), plan(WRITTEN_BY_HAND, Directory()).changes)
    assert plan(WRITTEN_BY_HAND, held, prune=True, now=NOW + timedelta(days=1)) == Plan((), (), ())


@pytest.mark.parametrize("prune", [False, True])
def test_an_export_restores_everything_exactly(prune: bool) -> None:
    """Applied to nothing it gives an equal directory, whatever YAML might take the names for."""
    held = full()
    made = plan(export(held), Directory(), prune=prune)
    assert contents(put(Directory(), made.changes)) == contents(held)
    assert made.issued == ()


def test_an_export_without_secrets_holds_none() -> None:
    """No verifier, seal, signing secret or person's hash; and applying it where it comes from changes nothing."""
    held = full()
    text = export(held, secrets=False)
    for word in ("whsec_", "hmac", "sealed", "argon2", "username-", "user41", "digest", "api key 51"):
        assert word in export(held)
        assert word not in text
    assert plan(text, held, prune=True) == Plan((), (), ())


def test_an_export_warns_of_its_secrets() -> None:
    """The first lines say so."""
    assert "THIS FILE HOLDS SECRETS" in export(Directory()).split("accounts:")[0]
    assert "THIS FILE" not in export(Directory(), secrets=False)


names = st.text(min_size=1, max_size=100).map(str.strip).filter(lambda name: name and name_problem(name) is None)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(names, min_size=1, max_size=4, unique_by=name_key),
    st.lists(names, min_size=1, max_size=3, unique_by=name_key),
    st.booleans(),
    st.decimals(0, 999, places=6, allow_nan=False),
    st.floats(0.001, 120),
    st.datetimes(timezones=st.timezones()),
)
def test_any_directory_comes_back_from_its_export(
    trunk_names: list[str], carrier_names: list[str], flag: bool, price: Decimal, seconds: float, created: datetime
) -> None:
    """Any names, prices, times and flags survive the way through YAML."""
    try:
        created.astimezone(CREATED.tzinfo)
    except OverflowError:
        return
    held = directory_of(
        account(1, name=trunk_names[0], blocked=flag),
        did(p2p_enabled=flag),
        *(
            trunk(number, name=name, created_at=created, receipts_enabled=flag)
            for number, name in enumerate(trunk_names, start=100)
        ),
        *(carrier(number, name=name, timeout_seconds=seconds) for number, name in enumerate(carrier_names, start=200)),
        route(31, carrier_id=uuid(200), price_per_segment=price, blocked=flag),
    )
    restored = put(Directory(), plan(export(held), Directory()).changes)
    assert contents(restored) == contents(held)


def test_what_a_file_leaves_out_of_an_entry_is_its_default_but_for_secrets() -> None:
    """The file is the whole truth about what it names; credentials, secrets and dates stay when it is silent."""
    held = directory_of(account(1), trunk(11, blocked=True, allowed_ips=("10.0.0.0/8",), callback_url="https://e.com"))
    made = plan("accounts: [{name: ACCOUNT 1, trunks: [{name: Trunk 11}]}]", held)
    (changed,) = [change for change in made.changes if isinstance(change, Trunk)]
    before = held.trunk(uuid(11))
    assert before is not None
    assert (changed.id, changed.blocked, changed.allowed_ips, changed.callback_url) == (uuid(11), False, (), None)
    assert (changed.credentials, changed.callback_secrets) == (before.credentials, before.callback_secrets)
    assert (changed.created_at, made.issued) == (CREATED, ())


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ("{}", None),
        ("{events: [], headers: {}}", None),
        ("{headers: {X-A: 1}}", CallbackOptions(headers={"X-A": "1"})),
        ("{events: [delivered]}", CallbackOptions(events=(CallbackEvent.DELIVERED,))),
        (None, None),
    ],
)
def test_a_file_says_how_a_trunk_wants_to_be_told(lines: str | None, left: CallbackOptions | None) -> None:
    """All of it: what is left out is as usual."""
    held = directory_of(account(1), trunk(11, callbacks=CallbackOptions(headers={"X-B": "2"})))
    said = "" if lines is None else f", callbacks: {lines}"
    made = plan(f"accounts: [{{name: account 1, trunks: [{{name: trunk 11{said}}}]}}]", held)
    found = put(held, made.changes).trunk(uuid(11))
    assert found is not None
    assert found.callbacks == left


def held_with(options: CallbackOptions, **secrets: str) -> Directory:
    return directory_of(account(1), trunk(11, callbacks=with_secrets(uuid(11), options, secrets, CALLBACK_SEALER)))


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ("{username: us}", {"password": "old"}),
        ("{username: us, secrets: [{name: password, value: new}]}", {"password": "new"}),
        ("{secrets: [{name: token, value: new}]}", {"token": "new"}),
        ("{headers: {X-A: 1}}", {}),
        ("{}", {}),
    ],
)
def test_secrets_of_callbacks_are_given_in_clear_or_stay(lines: str, left: dict[str, str]) -> None:
    """As long as the rest of the file still needs them."""
    held = held_with(CallbackOptions(username="us"), password="old")  # of a test
    content = f"accounts: [{{name: account 1, trunks: [{{name: trunk 11, callbacks: {lines}}}]}}]".encode()
    made = DirectoryFile.parse(content).plan(held, SEALING, NOW)
    found = put(held, made.changes).trunk(uuid(11))
    assert found is not None
    opened = secrets_of(found, CALLBACK_SEALER)._asdict()
    assert {name: value for name, value in opened.items() if value is not None} == left
    assert "secrets: [{name: token" not in lines or found.callbacks is not None


def test_secrets_of_callbacks_are_refused_with_their_line() -> None:
    """What no header can carry, a key that does not fit, and any where there is no key to seal it with."""
    ours, others = AUTHORITY.issue("us"), AUTHORITY.issue("others")
    head = "accounts:\n  - name: account 1\n    trunks:\n      - name: trunk 11\n        callbacks:\n"
    token = "          secrets:\n            - {name: token, value: a b}\n"
    pair = (
        f"          client_certificate: {json.dumps(ours.certificate)}\n"
        f"          secrets: [{{name: client_key, value: {json.dumps(others.key)}}}]\n"
    )
    for written, sealing, place in (
        (token, SEALING, "line 7 (accounts[0].trunks[0].callbacks.secrets[0].value)"),
        (pair, SEALING, "line 7 (accounts[0].trunks[0].callbacks.secrets[0].value)"),
        (token.replace("a b", "ab"), ISSUER, "line 7 (accounts[0].trunks[0].callbacks.secrets[0].value)"),
    ):
        with pytest.raises(RuleViolated) as refused:
            DirectoryFile.parse((head + written).encode()).plan(directory_of(account(1)), sealing, NOW)
        assert [where for where, _ in refused.value.problems] == [place]
        assert others.key not in str(refused.value)


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ("callback_url: https://example.com/cb", LATER),
        ("callback_url: https://example.com/cb, callback_disabled_at: null", None),
        (
            "callback_url: https://example.com/cb, callback_disabled_at: 2020-01-01T00:00:00Z",
            datetime(2020, 1, 1, tzinfo=UTC),
        ),
        ("callback_url: https://example.com/other", None),
        ("callback_url: https://example.com/other, callback_disabled_at: 2020-01-01T00:00:00Z", None),
        ("name: Main", None),
    ],
)
def test_a_disabled_endpoint_stays_so_unless_the_file_says_otherwise(lines: str, left: datetime | None) -> None:
    """It is a state, not a setting: left out it stays, null ends it, and another URL has answered nothing yet."""
    url = "https://example.com/cb"
    held = directory_of(account(1), trunk(11, allowed_sources=(), callback_url=url, callback_disabled_at=LATER))
    content = f"accounts: [{{id: {uuid(1)}, name: x, trunks: [{{id: {uuid(11)}, {lines}}}]}}]"
    if "name" not in lines:
        content = content.replace(f"id: {uuid(11)}, ", f"id: {uuid(11)}, name: Main, ")
    found = put(held, plan(content, held).changes).trunk(uuid(11))
    assert found is not None
    assert found.callback_disabled_at == left
    assert "callback_disabled_at" not in export(held, secrets=False)
    assert ("callback_disabled_at" in export(held)) is (left is not None)


def test_a_deleted_trunks_name_is_free_and_its_id_brings_it_back() -> None:
    """Without an id the name makes a new trunk; with it the deleted one returns, credentials and all."""
    held = directory_of(account(1), trunk(11, name="Main", deleted_at=LATER))
    made = plan("accounts: [{name: account 1, trunks: [{name: Main}]}]", held)
    assert [change.id == uuid(11) for change in made.changes if isinstance(change, Trunk)] == [False]
    made = plan(f"accounts: [{{name: account 1, trunks: [{{id: {uuid(11)}, name: Main}}]}}]", held)
    (restored,) = made.changes
    assert isinstance(restored, Trunk)
    assert (restored.id, restored.deleted_at, made.issued) == (uuid(11), None, ())


def test_without_prune_nothing_is_deleted() -> None:
    """Entries that a file does not name stay."""
    assert plan(EMPTY, full()).changes == ()


def test_prune_deletes_what_is_in_no_list() -> None:
    """Everything goes that belongs into an empty list; trunks softly, for their messages in flight."""
    held = full()
    made = plan(EMPTY, held, prune=True)
    left = contents(put(held, made.changes)).values()
    assert {(type(entry), getattr(entry, "deleted_at", None)) for entry in left} == {(Trunk, NOW), (Trunk, LATER)}
    assert "3 trunks deleted" in made.summary
    assert "2 accounts deleted" in made.summary


@pytest.mark.parametrize(
    ("content", "gone"),
    [
        ("accounts: [{name: account 1}]", set()),
        ("accounts: [{name: account 1, dids: []}]", {(Did, "12125551235"), (Did, "12125551234")}),
        ("accounts: [{name: account 1, senders: []}]", {(Sender, uuid(16))}),
        ("accounts: [{name: account 1, campaigns: []}]", {(Campaign, uuid(19))}),
        ("accounts: [{name: account 1, users: []}]", {(PanelUser, uuid(41))}),
        ("accounts: [{name: account 1, api_keys: []}]", {(ApiKey, uuid(51))}),
        ("operators: []", {(PanelUser, uuid(42))}),
        ("operator_api_keys: []", {(ApiKey, uuid(52))}),
        ("routes: []", {(Route, uuid(31))}),
        ("routes: []\ncarriers: []", {(Route, uuid(31)), (Carrier, uuid(21))}),
        ("", set()),
    ],
)
def test_prune_leaves_lists_alone_that_are_not_in_the_file(content: str, gone: set[tuple[type, str]]) -> None:
    """A truncated or partial file does not empty the directory."""
    held = directory_of(
        account(1), did("12125551234"), did("12125551235"), sender(),
        campaign(senders=("12125551236",)), trunk(11), carrier(21), route(31),
        user(41), user(42, account_id=None, role=PanelRole.OPERATOR),
        api_key(51), api_key(52, account_id=None, role=PanelRole.OPERATOR),
    )  # fmt: skip
    made = plan(content, held, prune=True)
    assert {(change.kind, change.identity) for change in made.changes if isinstance(change, Removal)} == gone
    assert len(made.changes) == len(gone)


def test_prune_keeps_to_the_rules() -> None:
    """What others still need is not deleted; the problem names the entry, which has no line."""
    held = directory_of(carrier(21), route(31))
    assert problems("carriers: []", held, prune=True) == [
        (f"carrier:{uuid(21)}", "1 route still leads to it: delete or change what leads here first")
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("- a\n", [("line 1", "Input should be a valid dictionary or instance of DirectoryForm")]),
        ("accounts:\n  - naem: x\n", [("line 2 (accounts[0].name)", "Field required"),
                                      ("line 2 (accounts[0].naem)", "Extra inputs are not permitted")]),
        ("accounts:\n  - name: x\n    dids:\n      - number: +1212\n",
         [("line 4 (accounts[0].dids[0].number)", "String should match pattern '^[1-9][0-9]{6,14}$'")]),
        ("accounts:\n  - name: x\n    blocked: maybe\n",
         [("line 3 (accounts[0].blocked)", "Input should be a valid boolean, unable to interpret input")]),
        ("accounts:\n  - name: x\n    dids:\n      - number: 12125550000\n      - number: 12125550000\n",
         [("line 5 (accounts[0].dids[1])", "is the same DID as line 4 (accounts[0].dids[0])")]),
        ("carriers:\n  - name: c\n    url: ftp://x\nroutes:\n  - carrier: d\n",
         [("line 5 (routes[0].carrier)", "there is no carrier of this name"),
          ("line 3 (carriers[0].url)", "must begin with http:// or https://")]),
        ("carriers: [{name: c, url: http://c}]\nroutes:\n  - {carrier: c, account: twin}\n  - {carrier: c, account: n}",
         [("line 3 (routes[0].account)", "several accounts have this name: give the id"),
          ("line 4 (routes[1].account)", "there is no account of this name")]),
        ("carriers: [{name: c, url: http://c}]\nroutes:\n  - {carrier: c, currency: EUR}\n",
         [("line 3 (routes[0].currency)", "there is no price that it could be of")]),
        (f"routes:\n  - carrier: {uuid(29)}\n", [("line 2 (routes[0].carrier)", "there is no carrier of this name")]),
        ("accounts:\n  - name: twin\n", [("line 2 (accounts[0].name)", "several have this name: give the id")]),
        ("carriers:\n  - name: c\n    url: http://c\n    max_in_flight: 0\n",
         [("line 4 (carriers[0].max_in_flight)", "Input should be greater than or equal to 1")]),
        ("accounts:\n  - name: x\n    trunks:\n      - name: t\n        allowed_ips:\n          - 10.0.0.1\n"
         "          - ten\n      - name: T\n        callback_url: x\n",
         [("line 7 (accounts[0].trunks[0].allowed_ips[1])", "'ten' is not an IPv4 or IPv6 address or network"),
          ("line 9 (accounts[0].trunks[1].callback_url)", "must begin with http:// or https://"),
          ("line 4 (accounts[0].trunks[0].name)", "'t' is the name of another trunk of the account"),
          ("line 8 (accounts[0].trunks[1].name)", "'T' is the name of another trunk of the account")]),
        (f"accounts:\n  - name: x\n    trunks:\n      - id: {uuid(11)}\n        name: moved\n",
         [("line 4 (accounts[0].trunks[0].account_id)", "a trunk cannot move to another account")]),
        ("accounts:\n  - name: x\n    trunks:\n      - name: t\n        callbacks:\n          headers:\n"
         "            Host: x\n            X-Fine: 1\n",
         [("line 7 (accounts[0].trunks[0].callbacks.headers.Host)", "is a header that only we may set")]),
        ("accounts:\n  - name: x\n    trunks:\n      - name: t\n        callbacks: {events: [all]}\n",
         [("line 5 (accounts[0].trunks[0].callbacks.events[0])",
           "Input should be 'sent', 'not_sent', 'delivered' or 'not_delivered'")]),
    ],
)  # fmt: skip
def test_every_problem_has_its_line(content: str, expected: list[tuple[str, str]]) -> None:
    """All at once, from wrong words to broken rules."""
    held = directory_of(account(1), account(2, name="twin"), account(3, name="Twin"), trunk(11))
    assert problems(content, held) == expected


def test_a_refused_file_does_not_leak_its_secrets() -> None:
    """Neither the message nor what Python would print with it quotes a value."""
    text = export(full()).replace("version: 2", "version: two")
    with pytest.raises(RuleViolated) as raised:
        plan(text, Directory())
    assert "credentials[0].version" in str(raised.value)
    assert "whsec_" not in repr(raised.value) + repr(raised.value.__cause__)
    assert raised.value.__suppress_context__


def test_an_old_file_does_not_bring_an_old_password_back() -> None:
    """Regenerated since the export: the file says so, with its line."""
    old = export(directory_of(account(1), trunk(11)))
    held = directory_of(account(1), trunk(11, credentials=(credential("new-username", version=2),)))
    ((where, what),) = problems(old, held)
    assert "credentials[0].version" in where
    assert what == "must not go back from 2 to 1"


def test_the_export_is_plain_yaml() -> None:
    """Any YAML tool reads it, and numbers are quoted so that none takes them for integers."""
    held = full()
    tree = yaml.safe_load(export(held))
    assert set(tree) == {"accounts", "profiles", "carriers", "routes", "operators", "operator_api_keys"}
    assert tree["accounts"][0]["dids"][0] == {"number": "12125551234", "p2p_enabled": True}
    assert [route["destination_prefix"] for route in tree["routes"]] == ["", "", "", "0123"]
    owned = [(route.get("account"), route.get("source_prefix")) for route in tree["routes"]]
    assert owned == [(None, None), ('Näme: "quoted" # 1', "0123"), ("null", None), (None, None)]


@pytest.mark.parametrize(
    ("line", "held"), [("", None), ("number_check: plan", None), ("number_check: form", NumberCheck.FORM)]
)
def test_a_file_says_how_an_accounts_numbers_are_checked(line: str, held: NumberCheck | None) -> None:
    """What is usual is not written down, so that applying it again changes nothing."""
    text = f"accounts:\n  - name: Machines\n    {line}\n"
    directory = put(Directory(), plan(text, Directory()).changes)
    (made,) = directory.entries(Account)
    assert made.number_check is held
    assert plan(text, directory).changes == ()


def test_limits_of_accounts_and_trunks_are_in_the_file() -> None:
    """What is left out is without a limit, and what is exported can be applied."""
    limits = "segments_per_second: 30, requests_per_second: 20, segments_per_day: 1000, spend_per_day: 12.50"
    limits += ", spend_currency: EUR, messages_per_number: 5, number_window_minutes: 10, messages_per_range: 100"
    limits += ", range_window_minutes: 60, same_text_minutes: 1440"
    text = f"accounts:\n  - {{name: A, {limits}, trunks: [{{name: T, {limits}}}]}}\n"
    directory = put(Directory(), plan(text, Directory()).changes)
    for entry in (*directory.entries(Account), *directory.entries(Trunk)):
        assert [getattr(entry, name) for name in LIMITS] == [
            30, 20, 1000, Decimal("12.50"), "EUR", 5, 10, 100, 60, 1440,
        ]  # fmt: skip
    assert directory.limits_days
    assert (directory.is_guarded, directory.longest_window_minutes()) == (True, 1440)
    assert plan(export(directory), directory).changes == ()
    lifted = put(directory, plan("accounts: [{name: A, trunks: [{name: T}]}]", directory).changes)
    assert [getattr(it, name) for it in lifted.entries(Trunk) for name in LIMITS] == [None] * len(LIMITS)
    assert not lifted.limits_days


def test_a_number_is_told_what_cannot_be_seen_in_it() -> None:
    """With its line, its name and its place."""
    ((where, what),) = problems("accounts:\n  - name: A\n    dids:\n      - number: 1212\u200b5551234\n", Directory())
    assert where.startswith("line 4")
    assert "character 5 is U+200B ZERO WIDTH SPACE" in what


def test_a_number_in_another_form_than_e164_is_told_which_was_meant() -> None:
    """With its line; an account whose numbers need only the form takes it."""
    text = "accounts:\n  - name: A\n    number_check: {check}\n    dids:\n      - number: 4407700900123\n"
    ((where, what),) = problems(text.format(check="plan"), Directory())
    assert where.startswith("line 5")
    assert what.endswith("447700900123 is meant")
    assert len(plan(text.format(check="form"), Directory()).changes) == 2


def test_a_sender_is_known_by_its_address() -> None:
    """So a file needs no ids; what it leaves out is the default, and what is no sender has its line."""
    held = directory_of(account(1), sender("Example", countries=("DE",)))
    content = "accounts:\n  - name: account 1\n    senders:\n      - {address: Example}\n      - address: 01234\n"
    made = plan(content, held)
    assert made.summary == ("1 sender created", "1 sender changed")
    put(held, made.changes)
    assert held.sender(uuid(1), "Example") == sender("Example")
    assert held.sender(uuid(1), "01234") is not None
    assert plan(content, held).changes == ()
    [(where, what)] = problems(content.replace("01234", "1234567"), held)
    assert (where.startswith("line 5"), "pattern" in what) == (True, True)


def test_a_campaign_names_its_trunks_as_people_do() -> None:
    """Also trunks of the same file; a trunk that is not there has its line."""
    content = """
accounts:
  - name: account 1
    dids: [{number: 12125551234}]
    trunks: [{name: Main}]
    campaigns:
      - name: Shop
        senders: [12125551234]
        trunks: [main]
"""
    held = put(Directory(), plan(content, Directory()).changes)
    [made], [main] = held.entries(Campaign), held.entries(Trunk)
    assert (made.name, made.senders, made.trunk_ids) == ("Shop", ("12125551234",), (main.id,))
    assert plan(content, held).changes == ()
    [(where, what)] = problems(content.replace("[main]", f"[main, {uuid(77)}]"), held)
    assert (where.startswith("line 9"), f"the account has no trunk {uuid(77)}" in what) == (True, True)
