"""Routes by what they are for: the index finds what a look at every route would."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.directory.model import Directory
from pipeline.directory.route_index import RouteIndex
from schemas.directory.entry import key_of
from schemas.directory.route import Route
from tests import builders
from tests.builders import directory_of, uuid

ACCOUNT, OTHER = uuid(1), uuid(2)
SOURCE = "12125551234"


def route(number: int, prefix: str = "", priority: int = 0, **changes: Any) -> Route:
    return builders.route(number, destination_prefix=prefix, priority=priority, **changes)


def routes_for(directory: Directory, destination: str, account_id: str = ACCOUNT, source: str = SOURCE) -> list[Route]:
    return [route for group in directory.routes_for(account_id, source, destination) for route in group]


def test_routes_come_best_first() -> None:
    """Longest prefix, then lowest priority, then id."""
    catch_all, country, second, first, twin, elsewhere = (
        route(301),
        route(302, "1", priority=9),
        route(303, "1212", priority=5),
        route(306, "1212", priority=1),
        route(304, "1212", priority=5),
        route(305, "44"),
    )
    directory = directory_of(elsewhere, twin, catch_all, first, second, country)
    assert routes_for(directory, "12125551234") == [first, second, twin, country, catch_all]
    assert routes_for(directory, "447700900123") == [elsewhere, catch_all]
    assert routes_for(directory, "35699123456") == [catch_all]
    assert routes_for(Directory(), "35699123456") == []


def test_the_destination_goes_before_the_source_and_the_source_before_the_account() -> None:
    """Each of them decides only where what is before it is the same; priority comes after all of them."""
    plain, own, from_here, both, longer = (
        route(301, "1", priority=0),
        route(302, "1", priority=9, account_id=ACCOUNT),
        route(303, "1", priority=9, source_prefix="12"),
        route(304, "1", priority=9, source_prefix="12", account_id=ACCOUNT),
        route(305, "1555", priority=9),
    )
    directory = directory_of(plain, own, from_here, both, longer)
    assert routes_for(directory, "15551234567") == [longer, both, from_here, own, plain]
    assert routes_for(directory, "15551234567", OTHER) == [longer, from_here, plain]
    assert routes_for(directory, "15551234567", source="447700900123") == [longer, own, plain]
    assert routes_for(directory, "12125551234", OTHER, "447700900123") == [plain]


def test_a_route_is_offered_once_to_a_short_number() -> None:
    """A prefix as long as the number or longer neither repeats a route nor fits by its first digits."""
    whole, longer = route(301, "1234567"), route(302, "123456789")
    directory = directory_of(whole, longer, route(303, "12345678"), route(304, "1234567", source_prefix="123456789012"))
    assert routes_for(directory, "1234567") == [whole]


def test_routes_asked_for_before_a_change_stay() -> None:
    """A change in the middle of choosing a route does not disturb the choice."""
    directory = directory_of(route(301), route(302), route(303))
    groups = directory.routes_for(ACCOUNT, SOURCE, "12125551234")
    chosen = next(groups)
    for n in (301, 302):
        directory.apply(key_of(route(n)), None)
    directory.apply(key_of(route(300)), route(300).to_bytes())
    assert list(chosen) == [route(301), route(302), route(303)]
    assert routes_for(directory, "12125551234") == [route(300), route(303)]


changes = st.lists(
    st.tuples(
        st.integers(301, 305),
        st.sampled_from(["", "1", "12", "123", "4", "44"]),
        st.integers(0, 2),
        st.sampled_from([None, "1", "12", "9"]),
        st.sampled_from([None, ACCOUNT, OTHER]),
        st.booleans(),
    ),
    max_size=30,
)


@given(changes, st.sampled_from(["1234567", "1245678", "4412345", "4567890", "9999999"]))
def test_routes_depend_on_the_entries_alone(
    history: list[tuple[int, str, int, str | None, str | None, bool]], destination: str
) -> None:
    """After any history of changes and deletions the answer is the plain one over what is left."""
    directory, left = Directory(), dict[str, Route]()
    for n, prefix, priority, source_prefix, account_id, deleted in history:
        it = route(n, prefix, priority, source_prefix=source_prefix, account_id=account_id)
        directory.apply(key_of(it), None if deleted else it.to_bytes())
        left.pop(it.id, None)
        if not deleted:
            left[it.id] = it
    fitting = [
        it
        for it in left.values()
        if destination.startswith(it.destination_prefix)
        and SOURCE.startswith(it.source_prefix or "")
        and it.account_id in (None, ACCOUNT)
    ]
    fitting.sort(
        key=lambda it: (
            -len(it.destination_prefix), -len(it.source_prefix or ""), it.account_id is None, it.priority, it.id,
        )
    )  # fmt: skip
    assert routes_for(directory, destination) == fitting
    assert len(directory._routes) == len(left)  # nothing stays behind
    shapes = {
        (len(it.destination_prefix), len(it.source_prefix or ""), it.account_id is not None) for it in left.values()
    }
    assert set(directory._routes._order) == shapes


def test_what_is_looked_at_does_not_grow_with_the_accounts() -> None:
    """Ten thousand accounts with a route each cost a message one look more than a single one."""
    index = RouteIndex()
    for n in range(10_000):
        index.add(route(n, "1", account_id=uuid(100_000 + n)))
    index.add(route(20_000))
    assert len(index._order) == 2
    assert [it.id for group in index.find(uuid(100_077), SOURCE, "15551234567") for it in group] == [
        uuid(77),
        uuid(20_000),
    ]


def test_a_route_that_is_not_there_cannot_be_forgotten() -> None:
    """Whoever forgets one has added it: anything else is an error of ours and is not passed over."""
    with pytest.raises(KeyError):
        RouteIndex().forget(route(1))
