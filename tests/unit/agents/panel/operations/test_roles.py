"""Every operation with every role, and every operation on another account's entry."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from agents.panel.operations.errors import Conflict, Forbidden, NotFound
from pipeline.errors import RuleViolated
from pipeline.message_log.reading.callback_log import AttemptSearch
from pipeline.message_log.reading.search import Search
from pipeline.message_log.reading.statistics import Stretch
from schemas.directory.account import Account
from schemas.directory.carrier import Carrier
from schemas.directory.people import ApiKey, PanelRole, PanelUser
from tests.builders import PROFILE_TEXT, campaign, profile, sender
from tests.unit.agents.panel.logged import logged, scheduled
from tests.unit.agents.panel.office import DIDS, OURS, PASSWORD, THEIR_DID, THEIRS, Office, uuid

P, W, M, R = PanelRole.OPERATOR, PanelRole.OWNER, PanelRole.MEMBER, PanelRole.READ_ONLY
EVERYBODY, SENDERS, OWNERS, OPERATORS = {P, W, M, R}, {P, W, M}, {P, W}, {P}

KEY = uuid(200)
OTHER_USER = uuid(101)


class Case(NamedTuple):
    """One operation: who may call it, with what; `foreign` names the argument that can be another account's."""

    name: str
    allowed: set[PanelRole]
    arguments: dict[str, Any]
    foreign: tuple[str, Any] | None = None


TRUNK = {"trunk_id": uuid(1)}
NOT_OURS = ("trunk_id", uuid(2))
NOT_OURS_EITHER = ("search", AttemptSearch(uuid(2)))
CAMPAIGN = {"senders": [DIDS[0]], "trunk_ids": [uuid(1)]}
ACCOUNT = ("account_id", THEIRS)


def stretch(account_id: str | None = OURS, trunk_id: str | None = None) -> Stretch:
    since = datetime(2026, 11, 1, tzinfo=UTC)
    return Stretch(since, since + timedelta(days=1), timedelta(hours=1), account_id, trunk_id)


CASES = [
    Case("trunks.list", EVERYBODY, {}, ACCOUNT),
    Case("trunks.get", EVERYBODY, TRUNK, NOT_OURS),
    Case("trunks.propose_name", EVERYBODY, {}, ACCOUNT),
    Case("trunks.available_sources", EVERYBODY, {}, ACCOUNT),
    Case("trunks.sources_of", EVERYBODY, TRUNK, NOT_OURS),
    Case("trunks.refused_at_first", EVERYBODY, {"account_id": OURS}, ACCOUNT),
    Case("trunks.create", SENDERS, {"settings": {"name": "new"}, "account_id": OURS}, ACCOUNT),
    Case("trunks.update", SENDERS, {**TRUNK, "settings": {"blocked": True}}, NOT_OURS),
    Case("trunks.delete", SENDERS, {"trunk_ids": [uuid(1)]}, ("trunk_ids", [uuid(1), uuid(2)])),
    Case("trunk_secrets.credentials", EVERYBODY, TRUNK, NOT_OURS),
    Case("trunk_secrets.reveal_password", SENDERS, TRUNK, NOT_OURS),
    Case("trunk_secrets.regenerate_password", SENDERS, TRUNK, NOT_OURS),
    Case("trunk_secrets.reveal_callback_secret", SENDERS, TRUNK, NOT_OURS),
    Case("trunk_secrets.rotate_callback_secret", SENDERS, {**TRUNK, "valid_for_seconds": 60}, NOT_OURS),
    Case("callbacks.recent_attempts", EVERYBODY, TRUNK, NOT_OURS),
    Case("callbacks.enable", SENDERS, TRUNK, NOT_OURS),
    Case("messages.preview", SENDERS, {**TRUNK, "source": "", "destination": "", "text": "Hello"}, NOT_OURS),
    Case(
        "messages.send", SENDERS, {**TRUNK, "source": DIDS[0], "destination": "13105557890", "text": "Hello"}, NOT_OURS
    ),
    Case("day_uses.of_trunk", EVERYBODY, TRUNK, NOT_OURS),
    Case("day_uses.of_account", EVERYBODY, {"account_id": OURS}, ACCOUNT),
    Case("numbers.list", EVERYBODY, {}, ACCOUNT),
    Case("numbers.get", EVERYBODY, {"number": DIDS[0]}, ("number", THEIR_DID)),
    Case("numbers.create", OPERATORS, {"account_id": OURS, "number": "12125559999", "p2p_enabled": True}),
    Case("numbers.set_p2p", OPERATORS, {"number": DIDS[0], "enabled": False}),
    Case("numbers.delete", OPERATORS, {"number": DIDS[0]}),
    Case("numbers.import_csv", OPERATORS, {"account_id": OURS, "text": "12125558888,yes"}),
    Case("senders.list", EVERYBODY, {}, ACCOUNT),
    Case("senders.get", EVERYBODY, {"sender_id": uuid(82)}, ("sender_id", uuid(83))),
    Case("senders.create", OPERATORS, {"address": "New", "account_id": OURS}),
    Case("senders.update", OPERATORS, {"sender_id": uuid(82), "countries": ["DE"]}),
    Case("senders.delete", OPERATORS, {"sender_id": uuid(82)}),
    Case("campaigns.list", EVERYBODY, {}, ACCOUNT),
    Case("campaigns.get", EVERYBODY, {"campaign_id": uuid(84)}, ("campaign_id", uuid(85))),
    Case("campaigns.through", EVERYBODY, {"trunk_id": uuid(1)}, ("trunk_id", uuid(2))),
    Case("campaigns.create", OPERATORS, {"settings": {**CAMPAIGN, "name": "New"}, "account_id": OURS}),
    Case("campaigns.update", OPERATORS, {"campaign_id": uuid(84), "settings": {"blocked": True}}),
    Case("campaigns.delete", OPERATORS, {"campaign_id": uuid(84)}),
    Case("opt_outs.owner", EVERYBODY, {"account_id": OURS}, ACCOUNT),
    Case("opt_outs.list", EVERYBODY, {"account_id": OURS}, ACCOUNT),
    Case("opt_outs.all", EVERYBODY, {"account_id": OURS}, ACCOUNT),
    Case("opt_outs.get", EVERYBODY, {"number": "15550001111", "account_id": OURS}, ACCOUNT),
    Case("opt_outs.add", SENDERS, {"number": "15550001112", "account_id": OURS}, ACCOUNT),
    Case("opt_outs.remove", SENDERS, {"number": "15550001111", "account_id": OURS}, ACCOUNT),
    Case("opt_outs.import_csv", SENDERS, {"account_id": OURS, "text": "15550001113"}, ACCOUNT),
    Case("carriers.list", OPERATORS, {}),
    Case("carriers.get", OPERATORS, {"identity": uuid(50)}),
    Case("carriers.create", OPERATORS, {"settings": {"name": "second", "url": "https://c.example"}}),
    Case("carriers.update", OPERATORS, {"identity": uuid(50), "settings": {"blocked": True}}),
    Case("carriers.problems", OPERATORS, {"settings": {"name": ""}}),
    Case("profiles.problems", OPERATORS, {"settings": {}}),
    Case("carriers.delete", OPERATORS, {"identity": uuid(52)}),
    Case("profiles.list", OPERATORS, {}),
    Case("profiles.all", OPERATORS, {}),
    Case("profiles.is_own", OPERATORS, {"name": "plain"}),
    Case("profiles.get", OPERATORS, {"identity": "plain"}),
    Case("profiles.form", OPERATORS, {"name": "twilio"}),
    Case("profiles.text", OPERATORS, {"name": "twilio"}),
    Case("profiles.create", OPERATORS, {"settings": {"id": "second", "text": PROFILE_TEXT}}),
    Case("profiles.update", OPERATORS, {"identity": "plain", "settings": {"text": PROFILE_TEXT + "# x"}}),
    Case("profiles.delete", OPERATORS, {"identity": "plain"}),
    Case("routes.list", OPERATORS, {}),
    Case("routes.get", OPERATORS, {"identity": uuid(51)}),
    Case("routes.create", OPERATORS, {"settings": {"carrier_id": uuid(50), "destination_prefix": "44"}}),
    Case("routes.update", OPERATORS, {"identity": uuid(51), "settings": {"priority": 3}}),
    Case("routes.problems", OPERATORS, {"settings": {"priority": -1}}),
    Case("routes.explain", OPERATORS, {**TRUNK, "source": "12125551234", "destination": "15551234567"}),
    Case("routes.delete", OPERATORS, {"identity": uuid(51)}),
    Case("accounts.list", EVERYBODY, {}),
    Case("accounts.get", EVERYBODY, {"account_id": OURS}, ACCOUNT),
    Case("accounts.create", OPERATORS, {"name": "third"}),
    Case("accounts.update", OPERATORS, {"account_id": OURS, "name": "Ours", "blocked": True}),
    Case("accounts.delete", OPERATORS, {"account_id": uuid(60)}),
    Case("audit_events.list", EVERYBODY, {}, ACCOUNT),
    Case("audit_events.all", EVERYBODY, {}, ACCOUNT),
    Case("users.list", EVERYBODY, {}, ACCOUNT),
    Case("users.get", EVERYBODY, {"user_id": uuid(103)}, ("user_id", uuid(70))),
    Case("users.create", OWNERS, {"email": "new@example.com", "role": M, "account_id": OURS}, ACCOUNT),
    Case("users.invite", OWNERS, {"email": "invited@example.com", "role": M, "account_id": OURS}, ACCOUNT),
    Case("users.update", OWNERS, {"user_id": uuid(103), "role": R, "blocked": True}, ("user_id", uuid(70))),
    Case("users.reset_password", OWNERS, {"user_id": uuid(103)}, ("user_id", uuid(70))),
    Case("users.delete", OWNERS, {"user_id": uuid(103)}, ("user_id", uuid(70))),
    Case(
        "users.change_own_password",
        EVERYBODY,
        {"old": PASSWORD, "new": "a new long password", "repeated": "a new long password"},
    ),
    Case("second_factors.own", EVERYBODY, {}),
    Case("second_factors.switch_on", EVERYBODY, {"secret": "JBSWY3DPEHPK3PXP"}),
    Case("api_keys.list", EVERYBODY, {}, ACCOUNT),
    Case("api_keys.get", EVERYBODY, {"api_key_id": KEY}, ("api_key_id", uuid(71))),
    Case("api_keys.create", OWNERS, {"name": "job", "role": M, "account_id": OURS}, ACCOUNT),
    Case("api_keys.revoke", OWNERS, {"api_key_id": KEY}, ("api_key_id", uuid(71))),
    Case("message_search.page", EVERYBODY, {"account_id": OURS, "search": Search(), "size": 10}, ACCOUNT),
    Case("message_search.everything", EVERYBODY, {"account_id": OURS, "search": Search()}, ACCOUNT),
    Case("message_search.history", EVERYBODY, {"message_id": uuid(90)}, ("message_id", uuid(91))),
    Case("scheduled.page", EVERYBODY, {"account_id": OURS, "size": 10}, ACCOUNT),
    Case("scheduled.messages", EVERYBODY, {"ids": [uuid(92)]}, ("ids", [uuid(92), uuid(93)])),
    Case("scheduled.told", EVERYBODY, {"message_id": uuid(92)}, ("message_id", uuid(93))),
    Case("scheduled.bulk", EVERYBODY, {"bulk_id": uuid(94)}, ("bulk_id", uuid(95))),
    Case("scheduled.cancel", SENDERS, {"ids": [uuid(92)]}, ("ids", [uuid(92), uuid(93)])),
    Case("scheduled.cancel_bulk", SENDERS, {"bulk_id": uuid(94)}, ("bulk_id", uuid(95))),
    Case("overview.statistics", EVERYBODY, {"stretch": stretch()}, ("stretch", stretch(account_id=THEIRS))),
    Case("overview.endpoints", EVERYBODY, {"stretch": stretch()}, ("stretch", stretch(trunk_id=uuid(2)))),
    Case("overview.progress", EVERYBODY, {"account_id": OURS}, ACCOUNT),
    Case("notifications.attempts", EVERYBODY, {"search": AttemptSearch(uuid(1)), "size": 10}, NOT_OURS_EITHER),
    Case("notifications.performance", EVERYBODY, {"search": AttemptSearch(uuid(1))}, NOT_OURS_EITHER),
    Case("notifications.failing", EVERYBODY, {"trunk_ids": [uuid(1)]}),
    Case("notifications.resend", SENDERS, {"trunk_id": uuid(1), "message_id": uuid(90)}, NOT_OURS),
    Case("notifications.resend_found", SENDERS, {"search": AttemptSearch(uuid(1))}, NOT_OURS_EITHER),
    Case("notifications.send_test", SENDERS, TRUNK, NOT_OURS),
    Case("messages.progress", EVERYBODY, {"message_id": uuid(80)}, ("message_id", uuid(81))),
]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_role = pytest.mark.parametrize("role", list(PanelRole))


@pytest.fixture
def filled(office: Office) -> Office:
    """More entries to act upon: a carrier without routes, an empty account, strangers, keys, sent messages."""
    office.add(
        Carrier(id=uuid(52), name="unused", url="https://unused.example"),
        Account(id=uuid(60), name="Empty"),
        profile(),
        sender(id=uuid(82), account_id=OURS),
        sender(id=uuid(83), account_id=THEIRS),
        campaign(id=uuid(84), account_id=OURS, senders=(DIDS[1],), trunk_ids=(uuid(1),)),
        campaign(id=uuid(85), account_id=THEIRS, senders=(THEIR_DID,), trunk_ids=(uuid(2),)),
        PanelUser(id=uuid(70), account_id=THEIRS, email="x@theirs.example", role=W, password_hash="-"),
        *(
            ApiKey(
                id=identity, account_id=account_id, name="key", role=M, digest=digest * 64, hint="abcd",
                created_at=office.now,
            )
            for identity, account_id, digest in ((KEY, OURS, "a"), (uuid(71), THEIRS, "b"))
        ),
    )  # fmt: skip
    office.operations.messages.sent.add(uuid(80), uuid(1), OURS)
    office.operations.messages.sent.add(uuid(81), uuid(2), THEIRS)
    office.add(office.trunk.model_copy(update={"callback_url": "https://customer.example/"}))
    office.store.directory.opt_outs.add(OURS, "15550001111", office.now)
    logged(office, uuid(90), uuid(1), OURS)
    logged(office, uuid(91), uuid(2), THEIRS)
    scheduled(office, uuid(92), uuid(1), bulk_id=uuid(94))
    scheduled(office, uuid(93), uuid(2), bulk_id=uuid(95))
    return office


async def call(office: Office, role: PanelRole, name: str, arguments: dict[str, Any]) -> Any:
    area, _, operation = name.partition(".")
    found = getattr(getattr(office.operations, area), operation)(office.actor(role), **arguments)
    return await found if inspect.isawaitable(found) else found


def snapshot(office: Office) -> int:
    return office.store.offset


@every_role
@every_case
async def test_what_a_role_may_do(filled: Office, case: Case, role: PanelRole) -> None:
    """Who is allowed gets an answer; everybody else is refused, and nothing is written."""
    before = snapshot(filled)
    if role in case.allowed:
        await call(filled, role, case.name, case.arguments)
        return
    with pytest.raises(Forbidden):
        await call(filled, role, case.name, case.arguments)
    assert snapshot(filled) == before
    assert filled.producer.records == []


FOREIGN = [
    pytest.param(case, role, id=f"{case.name}-{role.value}")
    for case in CASES
    for role in (W, M, R)
    if case.foreign is not None and role in case.allowed
]


@pytest.mark.parametrize(("case", "role"), FOREIGN)
async def test_another_accounts_entries_are_not_there(filled: Office, case: Case, role: PanelRole) -> None:
    """Not found, never forbidden: whether it exists is none of this customer's business."""
    assert case.foreign is not None
    before = snapshot(filled)
    name, value = case.foreign
    with pytest.raises(NotFound):
        await call(filled, role, case.name, {**case.arguments, name: value})
    assert snapshot(filled) == before


NOT_OPERATIONS = {
    "accounts.only", "api_keys.authenticate",
    "message_search.keeps_text",
    "callbacks.disable",  # nobody asks for it: the system's own
    "users.invited", "users.accept",  # whoever has the token
    "second_factors.of", "second_factors.switch_off",  # what log-in asks; and one's own, after a code
}  # fmt: skip


def test_every_operation_is_in_the_table(office: Office) -> None:
    """A new operation needs its line: who may call it."""
    areas = {name: area for name, area in vars(office.operations).items() if not name.startswith("_")}
    del areas["audit_trail"], areas["last_uses"]  # what the operations themselves record with
    public = {
        f"{name}.{operation}"
        for name, area in areas.items()
        for operation, _ in inspect.getmembers(area, inspect.ismethod)
        if not operation.startswith("_")
    }
    assert {case.name for case in CASES} == public - NOT_OPERATIONS


async def test_only_operators_make_operators(office: Office) -> None:
    """An owner cannot give away more than the own account, neither to a person nor to a program."""
    owner = office.actor(W)
    with pytest.raises(Forbidden):
        await office.operations.users.create(owner, "boss@example.com", P)
    with pytest.raises(Forbidden):
        await office.operations.api_keys.create(owner, "boss", P)
    with pytest.raises(RuleViolated):
        await office.operations.users.update(owner, uuid(103), role=P, blocked=False)


@pytest.mark.parametrize(
    "change",
    [
        lambda operations, actor: operations.users.update(actor, actor.id, role=W, blocked=True),
        lambda operations, actor: operations.users.update(actor, actor.id, role=M, blocked=False),
        lambda operations, actor: operations.users.delete(actor, actor.id),
    ],
)
async def test_nobody_locks_oneself_out(office: Office, change: Callable[[Any, Any], Any]) -> None:
    """The last owner stays one."""
    with pytest.raises(RuleViolated, match="yourself"):
        await change(office.operations, office.actor(W))


async def test_two_people_editing_at_once(office: Office) -> None:
    """The second one is told, and nothing of the first one's is overwritten."""
    _, version = office.operations.trunks.get(office.actor(), uuid(1))
    _, after = await office.operations.trunks.update(office.actor(), uuid(1), {"blocked": True}, version)
    with pytest.raises(Conflict):
        await office.operations.trunks.update(office.actor(M), uuid(1), {"name": "mine"}, version)
    trunk, now = office.operations.trunks.get(office.actor(), uuid(1))
    assert (True, "Outbound SMS trunk 1", after) == (trunk.blocked, trunk.name, now)
