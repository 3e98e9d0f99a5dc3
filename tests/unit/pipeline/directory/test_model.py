"""The directory in memory: what it answers after any history of records, and what bad records do to it."""

import traceback
from datetime import timedelta
from itertools import permutations
from typing import Any, cast

import pytest

from pipeline.directory.model import Directory
from pipeline.errors import UnreadableRecord
from schemas.directory.account import Did
from schemas.directory.carrier import Profile
from schemas.directory.entry import KINDS, DirectoryEntry, key_of
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk
from tests import builders
from tests.builders import (
    CREATED,
    SECRET,
    account,
    api_key,
    campaign,
    carrier,
    credential,
    did,
    directory_of,
    profile,
    sender,
    user,
    uuid,
)


def trunk(number: int = 1, *usernames: str, **changes: Any) -> Trunk:
    names = usernames or (f"username-{number}",)
    return builders.trunk(number, credentials=tuple(credential(name) for name in names), **changes)


def route(number: int, prefix: str = "", priority: int = 0) -> Route:
    return builders.route(number, destination_prefix=prefix, priority=priority)


EVERY_KIND: list[DirectoryEntry] = [
    account(), did(p2p_enabled=False), trunk(1), carrier(), sender(), campaign(), profile(), route(31), user(),
    api_key(),
]  # fmt: skip
CHANGES: dict[type[DirectoryEntry], dict[str, object]] = {
    Did: {"p2p_enabled": True}, Sender: {"countries": ("DE",)}, Profile: {"text": "another"},
}  # fmt: skip


def test_every_kind_is_tested() -> None:
    """A new kind of entry needs a line in this file."""
    assert {type(entry) for entry in EVERY_KIND} == set(KINDS.values())


@pytest.mark.parametrize("entry", EVERY_KIND, ids=lambda entry: type(entry).__name__)
def test_entries_come_change_and_go(entry: DirectoryEntry) -> None:
    """A record makes an entry, a later one replaces it, a null value removes it; removing twice does no harm."""
    directory = directory_of(entry)
    model = cast("type[Trunk]", type(entry))  # whichever it is: the type checker wants one
    assert list(directory.entries(model)) == [entry]
    changed = entry.model_copy(update=CHANGES.get(type(entry), {"blocked": True}))
    directory.apply(key_of(changed), changed.to_bytes())
    assert list(directory.entries(model)) == [changed]
    for _ in range(2):
        directory.apply(key_of(entry), None)
        assert list(directory.entries(model)) == []


def test_look_ups_find_entries_by_id() -> None:
    """Each look-up finds its entry, and nothing for an id that is not there."""
    directory = directory_of(*EVERY_KIND)
    assert [
        directory.account(uuid(1)),
        directory.did("12125551234"),
        directory.trunk(uuid(1)),
        directory.carrier(uuid(21)),
    ] == EVERY_KIND[:4]
    assert [
        directory.account(uuid(21)),
        directory.did("1212555123"),
        directory.trunk(uuid(21)),
        directory.carrier(""),
    ] == [None] * 4


def test_iterating_is_not_disturbed_by_changes() -> None:
    """An iteration shows the entries as they were when it began."""
    directory = directory_of(trunk(1), trunk(2))
    seen = []
    for entry in directory.entries(Trunk):
        seen.append(entry.id)
        directory.apply(key_of(trunk(3)), trunk(3).to_bytes())
        directory.apply(key_of(trunk(2)), None)
    assert seen == [uuid(1), uuid(2)]


@pytest.mark.parametrize(
    "key", [None, b"", b":", b"writer:current", b"Trunk:" + uuid(1).encode(), b"\xff\xfe:1", b"future:1"]
)
@pytest.mark.parametrize("value", [None, b"{}", b"not json"])
def test_unknown_kinds_are_skipped(key: bytes | None, value: bytes | None) -> None:
    """A record of a kind that a later version may know does nothing but count as seen."""
    directory = directory_of(trunk(1))
    directory.apply(key, value, 7)
    assert directory.version == 7
    assert list(directory.entries(Trunk)) == [trunk(1)]


def _with(entry: DirectoryEntry, old: bytes, new: bytes) -> bytes:
    value = entry.to_bytes()
    assert old in value
    return value.replace(old, new)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (key_of(trunk(1)), b"", "schema-violation"),
        (key_of(trunk(1)), b"{}", "schema-violation"),
        (key_of(trunk(1)), b"[]", "schema-violation"),
        (key_of(trunk(1)), b"\xff", "schema-violation"),
        (key_of(trunk(1)), b"[" * 100_000, "schema-violation"),
        (key_of(trunk(1)), _with(trunk(1), b'"schema_version":1', b'"schema_version":2'), "schema-violation"),
        (key_of(trunk(1)), _with(trunk(1), b'"allow_any_did":true', b'"allow_any_did":"yes"'), "schema-violation"),
        (key_of(trunk(1)), trunk(2).to_bytes(), "key-mismatch"),
        (b"trunk", trunk(1).to_bytes(), "key-mismatch"),
        (b"trunk:", trunk(1).to_bytes(), "key-mismatch"),
        (b"trunk:" + uuid(1).encode() + b"\xff", trunk(1).to_bytes(), "key-mismatch"),
    ],
)
def test_an_unreadable_record_leaves_the_entry_as_it_was(key: bytes, value: bytes, reason: str) -> None:
    """It is refused with a stable reason; what was there stays in every index."""
    directory = directory_of(trunk(1, allow_any_did=False, allowed_sources=("12125551234",)), trunk(3))
    before = list(directory.entries(Trunk))
    with pytest.raises(UnreadableRecord) as refusal:
        directory.apply(key, value, 9)
    assert refusal.value.reason == reason
    assert directory.version == 9
    assert list(directory.entries(Trunk)) == before
    assert directory.trunk_by_username("username-1") == before[0]
    assert directory.allows_source(before[0], "12125551234")


def test_an_entry_of_a_later_version_is_noted_until_it_can_be_read() -> None:
    """What was there stays; a bad entry is none of a later version, and neither is one that was deleted since."""
    directory, entry = directory_of(trunk(1)), trunk(1)
    for version in (b'"2"', b"0", b"null"):
        with pytest.raises(UnreadableRecord):
            directory.apply(key_of(entry), _with(entry, b'"schema_version":1', b'"schema_version":' + version))
        assert directory.too_new == set()
    for last in (entry.to_bytes(), None):
        with pytest.raises(UnreadableRecord, match="has schema_version 7, of a later version of smsout"):
            directory.apply(key_of(entry), _with(entry, b'"schema_version":1', b'"schema_version":7'))
        assert (directory.too_new, list(directory.entries(Trunk))) == ({key_of(entry)}, [entry])
        directory.apply(key_of(entry), last)
        assert directory.too_new == set()


def test_a_refusal_does_not_quote_the_record() -> None:
    """Directory records hold secrets, so neither message nor traceback shows what was in one."""
    value = _with(trunk(1), b'"username":"username-1"', b'"username":"short"')
    with pytest.raises(UnreadableRecord) as refusal:
        directory_of().apply(key_of(trunk(1)), value)
    shown = "".join(traceback.format_exception(refusal.value))
    assert "credentials.0.username" in shown
    assert [word for word in (SECRET, "0" * 64, "short") if word in shown] == []


def test_the_version_is_the_highest_offset() -> None:
    """It never goes back, whatever is applied."""
    directory = Directory()
    assert directory.version == -1
    for offset, expected in ((3, 3), (2, 3), (-1, 3), (10, 10)):
        directory.apply(key_of(trunk(1)), trunk(1).to_bytes(), offset)
        assert directory.version == expected


def test_a_trunk_is_found_by_each_of_its_usernames() -> None:
    """In a grace period the old username works too; once it is gone from the record, it does not."""
    directory = directory_of(trunk(1, "new-username", "old-username"))
    assert (
        directory.trunk_by_username("new-username")
        == directory.trunk_by_username("old-username")
        == trunk(1, "new-username", "old-username")
    )
    directory.apply(key_of(trunk(1)), trunk(1, "new-username").to_bytes())
    assert directory.trunk_by_username("new-username") == trunk(1, "new-username")
    assert directory.trunk_by_username("old-username") is None


def test_two_passwords_may_have_one_username() -> None:
    """Regenerating only the password keeps the username in both credentials."""
    both = trunk(1, "the-username", "the-username")
    directory = directory_of(both)
    assert directory.trunk_by_username("the-username") == both
    directory.apply(key_of(both), None)
    assert directory.trunk_by_username("the-username") is None


def test_a_trunk_out_of_service_keeps_its_record_only() -> None:
    """`deleted_at` ends its credentials, while its callback URL is still to be found."""
    directory = directory_of(trunk(1))
    gone = trunk(1, deleted_at=CREATED)
    directory.apply(key_of(gone), gone.to_bytes())
    assert directory.trunk_by_username("username-1") is None
    assert directory.trunk(uuid(1)) == gone
    directory.apply(key_of(gone), trunk(1).to_bytes())
    assert directory.trunk_by_username("username-1") == trunk(1)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_two_trunks_with_one_username(order: tuple[int, ...]) -> None:
    """The older keeps it in whatever order the records came; when it goes, the next has it."""
    older = trunk(2, "shared-name")
    younger = trunk(1, "shared-name", created_at=CREATED + timedelta(seconds=1))
    same_age = trunk(3, "shared-name")
    entries = [older, younger, same_age]
    directory = directory_of(*(entries[n] for n in order))
    for expected in (older, same_age, younger):
        assert directory.trunk_by_username("shared-name") == expected
        directory.apply(key_of(expected), None)
    assert directory.trunk_by_username("shared-name") is None


def test_allowed_sources_count_while_the_toggle_is_off() -> None:
    """With the toggle on every number is allowed; off, those of the list; the index follows each change."""
    one, other = "12125551234", "12125551235"
    anyone = trunk(1, allow_any_did=True, allowed_sources=(one,))
    picked = trunk(1, allow_any_did=False, allowed_sources=(one,))
    nobody = trunk(1, allow_any_did=False)
    directory = Directory()
    for current, expected in (
        (anyone, (True, True)),
        (picked, (True, False)),
        (nobody, (False, False)),
        (picked, (True, False)),
        (anyone, (True, True)),
    ):
        directory.apply(key_of(current), current.to_bytes())
        assert (directory.allows_source(current, one), directory.allows_source(current, other)) == expected
    directory.apply(key_of(picked), None)
    assert not directory.allows_source(picked, one)


def test_a_long_list_of_sources_is_asked_in_constant_time() -> None:
    """A trunk may list 100,000 sources; the index is a set."""
    sources = tuple(str(12_000_000_000 + n) for n in range(100_000))
    big = trunk(1, allow_any_did=False, allowed_sources=sources)
    directory = directory_of(big)
    assert [directory.allows_source(big, number) for number in (sources[0], sources[-1], "1")] == [True, True, False]
    assert isinstance(directory._allowed_sources[big.id], frozenset)


def test_a_carrier_is_found_by_the_name_that_it_has_now() -> None:
    """Renamed, deleted, and two of one name, which the writer prevents: the order in which they came is no matter."""
    held = directory_of(carrier(21, name="one"), carrier(22, name="two"))
    assert [it and it.id for it in map(held.carrier_named, ("one", "two", "One", ""))] == [
        uuid(21),
        uuid(22),
        None,
        None,
    ]
    for entry in (carrier(22, name="one"), carrier(21, name="one", blocked=True)):
        held.apply(key_of(entry), entry.to_bytes())
    assert held.carrier_named("one") == carrier(21, name="one", blocked=True)
    assert held.carrier_named("two") is None
    held.apply(key_of(carrier(21)), None)
    assert held.carrier_named("one") == carrier(22, name="one")
    held.apply(key_of(carrier(22)), None)
    assert held.carrier_named("one") is None


def test_a_sender_is_found_by_its_account_and_address() -> None:
    """Letter for letter; of several, which the writer prevents, the first id, in whatever order they came."""
    first, second, theirs = sender(), sender(number=17), sender(number=18, account_id=uuid(2))
    for entries in ((first, second, theirs), (theirs, second, first)):
        held = directory_of(*entries)
        assert (held.sender(uuid(1), "Example"), held.sender(uuid(2), "Example")) == (first, theirs)
        assert held.sender(uuid(1), "EXAMPLE") is held.sender(uuid(3), "Example") is None
        held.apply(key_of(first), None)
        assert held.sender(uuid(1), "Example") == second
        moved = sender("12345", 17)
        held.apply(key_of(moved), moved.to_bytes())
        assert (held.sender(uuid(1), "Example"), held.sender(uuid(1), "12345")) == (None, moved)
