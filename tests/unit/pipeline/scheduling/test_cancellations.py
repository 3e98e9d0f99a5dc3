"""What was cancelled is known at once, whose it was too, and for as long as it may matter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DiskFull
from pipeline.scheduling import cancellations
from pipeline.scheduling.cancellations import Cancellations, Wished
from tests.builders import uuid

TRUNK, OTHER = uuid(11), uuid(12)


def wished(number: int, at_ms: int = 0, *, trunk_id: str = TRUNK, bulk: bool = False) -> Wished:
    return Wished(trunk_id, uuid(number), bulk, at_ms)


def test_a_wish_is_about_one_trunks_message_or_bulk() -> None:
    """Another trunk's message of the same id, a bulk of a message's id, a message of a bulk's: none of them."""
    held = Cancellations()
    assert not held.any
    held.add([wished(1), wished(2, bulk=True)])
    assert held.any
    assert held.holds(TRUNK, uuid(1), None)
    assert held.holds(TRUNK, uuid(5), uuid(2))
    assert not held.holds(OTHER, uuid(1), None)
    assert not held.holds(TRUNK, uuid(2), None)
    assert not held.holds(TRUNK, uuid(5), uuid(1))
    assert not held.holds(TRUNK, uuid(5), None)
    held.close()


def test_what_is_over_is_dropped_and_what_was_asked_for_again_is_not() -> None:
    """Some at a time; when nothing is left nothing need be looked up."""
    held = Cancellations()
    held.add([wished(n, 1000) for n in range(700)] + [wished(3, 2000)])
    assert held.purge(1001)
    assert not held.purge(1001)
    assert (len(held), held.holds(TRUNK, uuid(3), None), held.holds(TRUNK, uuid(4), None)) == (1, True, False)
    held.purge(3000)
    assert (len(held), held.any, held.holds(TRUNK, uuid(3), None)) == (0, False, False)
    held.close()


def test_one_trunk_can_only_drop_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cancels without end loses its oldest wishes; the others' stay."""
    monkeypatch.setattr(cancellations, "MOST_OF_A_TRUNK", 10)
    held = Cancellations()
    held.add([wished(1, 0, trunk_id=OTHER)])
    for n in range(100):
        held.add([wished(n, n)])
    assert [n for n in range(100) if held.holds(TRUNK, uuid(n), None)] == list(range(90, 100))
    assert held.holds(OTHER, uuid(1), None)
    held.close()


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 9)), max_size=40), st.integers(0, 10))
def test_it_is_what_a_dictionary_would_be(wishes: list[tuple[int, bool, int]], before: int) -> None:
    """Whatever comes, and however often."""
    held, known = Cancellations(), dict[tuple[int, bool], int]()
    for number, bulk, at in wishes:
        held.add([wished(number, at, bulk=bulk)])
        known[number, bulk] = max(at, known.get((number, bulk), at))
    while held.purge(before):
        pass
    left = {key for key, at in known.items() if at >= before}
    assert len(held) == len(left)
    for number in range(10):
        assert held.holds(TRUNK, uuid(number), None) is ((number, False) in left)
        assert held.holds(TRUNK, uuid(77), uuid(number)) is ((number, True) in left)
    held.close()


def test_a_full_disk_is_named() -> None:
    """As for all that agents keep there."""
    held = Cancellations()
    held._database.execute("PRAGMA max_page_count=8")
    with pytest.raises(DiskFull, match="SQLITE_TMPDIR"):
        held.add([wished(n) for n in range(1000)])
    held.close()
