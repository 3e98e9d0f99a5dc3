"""Numbers, people, keys, messages and the audit log."""

from typing import Any

import pytest

from agents.panel.operations import Actor, NotFound
from agents.panel.operations.messages import MAX_TRACKED, SentMessages
from agents.panel.operations.people import password_problem
from pipeline.errors import NotAcknowledged, RuleViolated
from pipeline.steps.segmentation import split
from schemas.directory.account import Account, Did
from schemas.directory.people import PanelRole, PanelUser
from schemas.status import CodeId, MessageStatus, StatusStage
from schemas.submission import Submission
from schemas.topics import SUBMITTED
from tests.unit.agents.panel.office import DIDS, NOT_P2P, OURS, PASSWORD, THEIR_DID, THEIRS, Office, uuid

OPERATOR = PanelRole.OPERATOR

# Numbers


async def test_numbers_are_imported_from_csv(office: Office) -> None:
    """With and without heading, plus, quotes and flag; what is there already is counted as unchanged."""
    text = (
        f'\ufeffnumber,p2p_enabled\r\n+12125559001,yes\n"12125559002",no\n12125559003\n\n{DIDS[0]},yes\n{NOT_P2P},1\n'
    )
    report = await office.operations.import_dids_csv(office.actor(OPERATOR), OURS, text)
    assert (report.added, report.changed, report.unchanged) == (3, 1, 1)
    flags = {did.number: did.p2p_enabled for did in office.writer.directory.entries(Did) if did.account_id == OURS}
    expected = {"12125559001": True, "12125559002": False, "12125559003": False, NOT_P2P: True}
    assert expected == {number: flags[number] for number in expected}
    assert [event.action for event in office.writer.events] == ["did.imported"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", ["text"]),
        ("number,p2p_enabled\n", ["text"]),
        ("12125559001\nbogus\n12125559001\n", ["line 2", "line 3"]),
        ("12125559001,maybe", ["line 1"]),
        ("12125559001,yes,more", ["line 1"]),
        ('12125559001,"yes', ["line 1"]),
        (f"{THEIR_DID},yes", ["line 1"]),
        ("\x00\n", ["line 1"]),
        ("x\n" * 200_001, ["text"]),
    ],
)
async def test_each_bad_line_is_named(office: Office, text: str, places: list[str]) -> None:
    """And nothing is imported."""
    before = office.writer.offset
    with pytest.raises(RuleViolated) as refused:
        await office.operations.import_dids_csv(office.actor(OPERATOR), OURS, text)
    assert places == [place for place, _ in refused.value.problems]
    assert before == office.writer.offset


async def test_a_number_that_a_trunk_lists_cannot_lose_its_flag(office: Office) -> None:
    """Else the trunk would refuse its own source; the list of numbers says which trunk it is."""
    await office.operations.update_trunk(
        office.actor(), uuid(1), {"allow_any_did": False, "allowed_sources": [DIDS[0]]}
    )
    for change in (
        office.operations.set_p2p(office.actor(OPERATOR), DIDS[0], enabled=False),
        office.operations.remove_did(office.actor(OPERATOR), DIDS[0]),
    ):
        with pytest.raises(RuleViolated, match="Outbound SMS trunk 1"):
            await change
    rows = {row.did.number: row for row in office.operations.list_dids(office.actor()).items}
    assert (
        rows[DIDS[0]].listed_by, rows[DIDS[0]].listed_by_count, rows[DIDS[0]].any_did_trunks,
    ) == (("Outbound SMS trunk 1",), 1, 0)  # fmt: skip
    assert rows[DIDS[1]].listed_by_count == 0


# People and keys


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "x" * 1025, "somebody@example.com"])
def test_bad_passwords(password: str) -> None:
    """Too short, too long, too simple, or known to everybody."""
    assert password_problem(password, "somebody@example.com") is not None


def test_good_passwords() -> None:
    """Length is what counts."""
    assert password_problem(PASSWORD, "somebody@example.com") is None


@pytest.mark.parametrize("email", ["", "nobody", "@x", "x@", "a b@example.com", "a\n@example.com", "OWNER@example.com"])
async def test_a_user_needs_an_address_of_ones_own(office: Office, email: str) -> None:
    """One that is one, and that nobody has, upper and lower case alike."""
    with pytest.raises(RuleViolated, match="email"):
        await office.operations.create_user(office.actor(), email, PanelRole.MEMBER)


async def test_a_first_password_is_made_and_works(office: Office) -> None:
    """Who makes a user does not choose its password, unless asked to."""
    user, password = await office.operations.create_user(office.actor(), "new@example.com", PanelRole.MEMBER)
    assert password is not None
    assert (OURS, f"hash of {password}") == (user.account_id, user.password_hash)
    again = await office.operations.reset_password(office.actor(), user.id)
    assert again != password
    stored = office.writer.directory.get(PanelUser, user.id)
    assert stored is not None
    assert f"hash of {again}" == stored.password_hash
    assert password not in str(office.writer.events)
    assert again not in str(office.writer.events)


async def test_ones_own_password_takes_the_old_one(office: Office) -> None:
    """A session left open is not enough to take an account over."""
    with pytest.raises(RuleViolated, match="old_password"):
        await office.operations.change_own_password(office.actor(), "wrong", "a new long password")
    with pytest.raises(RuleViolated, match="new_password"):
        await office.operations.change_own_password(office.actor(), PASSWORD, "short")


async def test_an_api_key_is_its_role_until_revoked(office: Office) -> None:
    """Shown once, stored as a digest; revoked, it is nobody."""
    record, key = await office.operations.create_api_key(office.actor(), "job", PanelRole.MEMBER)
    actor = office.operations.actor_of_api_key(key, "192.0.2.7")
    assert actor == Actor("api_key", record.id, "job", PanelRole.MEMBER, OURS, "192.0.2.7")
    assert key not in str(record)
    assert key not in str(office.writer.events)
    assert record.hint == key[-4:]
    await office.operations.revoke_api_key(office.actor(), record.id)
    assert office.operations.actor_of_api_key(key, None) is None


@pytest.mark.parametrize("bad", ["", "x", "smsout_", "smsout__", "smsout_" + "a" * 32 + "_x", "\ud800", "x" * 10_000])
def test_what_is_no_key_is_nobody(office: Office, bad: str) -> None:
    """Whatever the header holds."""
    assert office.operations.actor_of_api_key(bad, None) is None


async def test_a_key_of_a_blocked_account_is_nobody(office: Office) -> None:
    """And one with another secret behind the right id."""
    _, key = await office.operations.create_api_key(office.actor(), "job", PanelRole.OWNER)
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")
    assert office.operations.actor_of_api_key(wrong, None) is None
    office.add(Account(id=OURS, name="Ours", blocked=True))
    assert office.operations.actor_of_api_key(key, None) is None


# Messages


async def test_a_message_is_what_ingress_would_have_made(office: Office) -> None:
    """One submission of one destination, on the trunk's behalf; its id is what was returned."""
    message_id = await office.operations.send_sms(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    [record] = office.broker.records
    submission = Submission.from_bytes(record.value or b"")
    assert (SUBMITTED, uuid(1).encode()) == (record.topic, record.key)
    assert (uuid(1), DIDS[0], "Hello", message_id) == (
        submission.trunk_id, submission.source, submission.content, submission.destinations[0].id,
    )  # fmt: skip
    [event] = office.writer.events
    assert (event.action, "Hello" not in str(event) and "13105557890" not in str(event)) == ("message.sent", True)


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ((NOT_P2P, "13105557890", "Hello"), ["source"]),
        ((THEIR_DID, "13105557890", "Hello"), ["source"]),
        (("", "", ""), ["destination", "source", "content"]),
        ((DIDS[0], "+13105557890", "Hello"), ["destination"]),
        ((DIDS[0], "13105557890", "x" * 1600), ["content"]),
        ((NOT_P2P, "1", "\x1b"), ["destination", "content", "source"]),
    ],
)
async def test_what_cannot_be_sent_is_told_at_once(office: Office, fields: Any, places: list[str]) -> None:
    """Every problem beside its field, and nothing reaches the topic."""
    with pytest.raises(RuleViolated) as refused:
        await office.operations.send_sms(office.actor(), uuid(1), *fields)
    assert places == [place for place, _ in refused.value.problems]
    assert office.broker.records == []


async def test_nothing_is_sent_that_cannot_be_recorded(office: Office) -> None:
    """The event comes first."""
    office.writer.fails = True
    with pytest.raises(NotAcknowledged):
        await office.operations.send_sms(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    assert office.broker.records == []


def status(message_id: str, stage: StatusStage, words: str, code_id: CodeId | None = None) -> MessageStatus:
    from tests.unit.agents.panel.office import NOW

    return MessageStatus(
        message_id=message_id, trunk_id=uuid(1), stage=stage, status=words, code_id=code_id, source=DIDS[0],
        destination="13105557890", accepted_at=NOW, ended_at=NOW, segments_total=1, segments_sent=1,
    )  # fmt: skip


async def test_a_status_shows_as_it_changes(office: Office) -> None:
    """Queued, then the carrier's answer, then with receipts the handset's."""
    await office.operations.update_trunk(office.actor(), uuid(1), {"receipts_enabled": True})
    message_id = await office.operations.send_sms(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    seen = [office.operations.message_status(office.actor(), message_id)]
    for stage, words in ((StatusStage.PROCESSING, "Success"), (StatusStage.DELIVERY, "DELIVERED")):
        office.operations.sent.note(status(message_id, stage, words))
        office.operations.sent.note(status(message_id, stage, words))  # a replay
        seen.append(office.operations.message_status(office.actor(), message_id))
    assert [(it.status, it.is_final) for it in seen] == [("Queued", False), ("Success", False), ("DELIVERED", True)]


async def test_a_failure_is_final(office: Office) -> None:
    """Also where receipts are enabled."""
    message_id = await office.operations.send_sms(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    office.operations.sent.note(status(message_id, StatusStage.PROCESSING, "Routing error", CodeId.SOURCE_NOT_ALLOWED))
    shown = office.operations.message_status(office.actor(), message_id)
    assert (shown.status, shown.code_id, shown.is_final) == ("Routing error", 8, True)


def test_what_is_followed_is_bounded() -> None:
    """The oldest message makes room; a status of a stranger's message is none of ours."""
    sent = SentMessages()
    for number in range(MAX_TRACKED + 1):
        sent.add(uuid(number), uuid(1), OURS)
    assert uuid(0) not in sent
    assert uuid(MAX_TRACKED) in sent
    sent.note(status(uuid(0), StatusStage.PROCESSING, "Success"))
    assert uuid(0) not in sent


@pytest.mark.parametrize("text", ["", "Hello", "x" * 160, "x" * 161, "€" * 80, "€" * 81, "😀" * 35, "😀" * 36, "жж"])
def test_the_note_counts_as_the_gateway_does(office: Office, text: str) -> None:
    """Encoding and number of segments are those of the segmentation itself."""
    note = office.operations.estimate(text)
    if not text:
        assert (note.encoding, note.segments, note.units_left) == ("GSM-7", 0, 160)
        return
    data_coding, parts = split(text)
    expected = {"GSM7": "GSM-7", "UCS2": "UCS-2"}[data_coding.name]
    assert (expected, len(parts), None) == (note.encoding, note.segments, note.problem)


def test_the_note_says_why_a_text_cannot_be_sent(office: Office) -> None:
    """Too long, or with a character that no SMS can carry."""
    assert "segments" in (office.operations.estimate("x" * 1600).problem or "")
    assert office.operations.estimate("\x1b").problem is not None


# Audit log


async def test_everybody_sees_the_own_accounts_part_of_the_audit_log(office: Office) -> None:
    """Newest first; operators see all of it, and one account's on demand."""
    operator = office.actor(OPERATOR)
    await office.operations.update_trunk(office.actor(), uuid(1), {"blocked": True})
    await office.operations.update_trunk(operator, uuid(2), {"blocked": True})
    await office.operations.update_carrier(operator, uuid(50), {"blocked": True})
    listed = office.operations.list_audit_events
    assert [it.action for it in listed(operator).items] == ["carrier.updated", "trunk.updated", "trunk.updated"]
    assert [it.account_id for it in listed(office.actor()).items] == [OURS]
    assert [it.account_id for it in listed(operator, account_id=THEIRS).items] == [THEIRS]
    assert listed(operator, text="CARRIER").total == 1
    with pytest.raises(NotFound):
        listed(office.actor(), account_id=THEIRS)
