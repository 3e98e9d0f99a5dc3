"""Lists of numbers that want no messages: what is on them, page by page, held to a plain set."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import opt_outs
from pipeline.errors import UnreadableRecord
from pipeline.opt_outs import ListedOptOut, OptOuts
from schemas.opt_out import OptOut, opt_out_key
from tests.builders import uuid

OURS, THEIRS = uuid(1), uuid(2)
NOW = datetime(2026, 11, 29, 23, 59, tzinfo=UTC)

# Close together, so that many are the same or begin alike; and the shortest and the longest that there can be.
NUMBERS = st.sampled_from(["1000000", "9999999", "999999999999999", "100000000000000"]) | st.integers(
    10_000_000, 10_000_300
).map(str)
CHANGES = st.lists(st.tuples(st.sampled_from([OURS, THEIRS]), NUMBERS, st.none() | st.integers(0, 40)), max_size=60)


@given(CHANGES, st.sampled_from(["", "1", "10000", "100000", "9", "2", "100000000000000"]), st.integers(0, 20))
def test_lists_are_what_was_put_on_them(changes: list[tuple[str, str, int | None]], beginning: str, first: int) -> None:
    """In whatever order, with few or many changes settled at once; every page is a part of the whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opt_outs, "_FEW", 3)
        held, model = OptOuts(), dict[tuple[str, str], date]()
        for account_id, number, days in changes:
            if days is None:
                held.remove(account_id, number)
                model.pop((account_id, number), None)
            else:
                held.add(account_id, number, NOW - timedelta(days=days))
                model[account_id, number] = (NOW - timedelta(days=days)).date()
            assert held.has(account_id, number) is (days is not None)
        for account_id in (OURS, THEIRS):
            wanted = [
                ListedOptOut(number, since)
                for (owner, number), since in sorted(model.items(), key=lambda it: int(it[0][1]))
                if owner == account_id and number.startswith(beginning)
            ]
            assert held.count(account_id, beginning) == len(wanted)
            assert list(held.some(account_id, beginning, first=first, most=7)) == wanted[first : first + 7]


def test_records_are_applied() -> None:
    """A record puts a number on the list, one without a value takes it off."""
    held, record = OptOuts(), OptOut(account_id=OURS, number="12125551234", opted_out_at=NOW)
    key = opt_out_key(OURS, "12125551234")
    held.apply(key, record.to_bytes())
    assert (held.has(OURS, "12125551234"), held.has(THEIRS, "12125551234")) == (True, False)
    assert list(held.some(OURS, most=10)) == [("12125551234", NOW.date())]
    held.apply(key, None)
    assert not held.has(OURS, "12125551234")
    held.apply(b"\xff:x", None)
    held.apply(None, None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (opt_out_key(OURS, "12125551234"), b"{"),
        (opt_out_key(OURS, "12125551234"), OptOut(account_id=OURS, number="12125551235", opted_out_at=NOW).to_bytes()),
        (None, OptOut(account_id=OURS, number="12125551235", opted_out_at=NOW).to_bytes()),
    ],
)
def test_what_is_no_opt_out_changes_nothing(key: bytes | None, value: bytes) -> None:
    """And is said to be none."""
    held = OptOuts()
    held.add(OURS, "12125551234", NOW)
    with pytest.raises(UnreadableRecord):
        held.apply(key, value)
    assert held.count(OURS) == 1


def test_a_time_of_any_year_has_its_place() -> None:
    """The nearest day that can be held."""
    held = OptOuts()
    held.add(OURS, "10000000", datetime(2000, 1, 1, tzinfo=UTC))
    held.add(OURS, "999999999999999", datetime(2199, 1, 1, tzinfo=UTC))
    assert [it.since.year for it in held.some(OURS, most=2)] == [2020, 2064]


def test_a_million_take_eight_bytes_each() -> None:
    """Loaded in the order of a topic, which is any."""
    held = OptOuts()
    for number in range(200_000):
        held.add(OURS, str(10_000_000_000 + number * 7919 % 200_000), NOW)
    assert held._of[OURS].settle().itemsize == 8
    assert held.count(OURS) == 200_000
