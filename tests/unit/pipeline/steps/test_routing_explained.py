"""Why a message takes its route: the same decision, in words."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.directory.rules.changes import route_key
from pipeline.steps.routing import choose_routes
from pipeline.steps.routing_explained import Explanation, explain, number_problem
from schemas.directory.entry import DirectoryEntry
from schemas.directory.route import Route
from tests import builders
from tests.builders import CREATED, DESTINATION, SOURCE, account, carrier, did, directory_of, trunk, uuid

ALWAYS = (account(), account(2), did(), trunk())


def route(number: int, to: int, prefix: str = "", **changes: Any) -> Route:
    return builders.route(number, destination_prefix=prefix, carrier_id=uuid(to), **changes)


def explained(*entries: DirectoryEntry, source: str = SOURCE, destination: str = DESTINATION) -> Explanation:
    return explain(directory_of(*ALWAYS, *entries), trunk().id, source, destination, CREATED)


def places(explanation: Explanation) -> dict[str, int | None]:
    return {it.route.id: it.place for it in explanation.verdicts}


def test_the_winner_the_next_and_what_each_other_lacks() -> None:
    """Every route of the directory is there, with the first difference that decides."""
    explanation = explained(
        carrier(1), carrier(2), carrier(3), carrier(4, blocked=True), carrier(6),
        route(31, 1, "1555", account_id=uuid(1)), route(32, 2, "1555"), route(33, 3, "1"), route(34, 4), route(35, 5),
        route(36, 3), route(37, 6, "1555", account_id=uuid(2), blocked=True), route(38, 6, "44", source_prefix="1213"),
    )  # fmt: skip
    assert explanation.refusal is None
    said = {int(it.route.id[-2:]): (it.place, it.why) for it in explanation.verdicts}
    assert said == {
        31: (1, "the best that fits: destination prefix 1555, for this account, priority 0"),
        32: (2, "it is for every account, and there is one for this account"),
        33: (3, "its destination prefix is shorter than 1555"),
        34: (None, "its carrier is blocked"),
        35: (None, "its carrier is gone"),
        36: (None, "a better route leads to the same carrier"),
        37: (None, "it is for another account; it is blocked"),
        38: (None, "the destination does not begin with 44; the source does not begin with 1213"),
    }
    assert [it.route.id for it in explanation.winners] == [uuid(31)]
    assert [it.carrier_name for it in explanation.verdicts if it.route.id == uuid(35)] == [uuid(5)]


def test_equal_routes_show_their_shares() -> None:
    """Which of them a message gets is drawn, so both win, with how much each one takes."""
    explanation = explained(carrier(1), carrier(2), route(31, 1, weight=3), route(32, 2), )  # fmt: skip
    assert {(it.place, it.percent) for it in explanation.verdicts} == {(1, 75.0), (1, 25.0)}


def test_source_prefixes_and_priorities_are_told_apart() -> None:
    """By what a route is behind the first."""
    explanation = explained(
        carrier(1), carrier(2), carrier(3), carrier(4),
        route(31, 1, source_prefix="1212"), route(32, 2, source_prefix="12"), route(33, 3),
        route(34, 4, source_prefix="1212", priority=2),
    )  # fmt: skip
    assert {int(it.route.id[-2:]): it.why for it in explanation.verdicts if it.place != 1} == {
        32: "its source prefix is shorter than 1212",
        33: "it has no source prefix, and 1212 fits",
        34: "its priority is 2, and 0 goes first",
    }


def test_what_would_be_refused_before_says_so() -> None:
    """The rules of authorization come first; the routes are explained all the same."""
    explanation = explained(carrier(1), route(31, 1), source="12125559999")
    assert explanation.refusal == "code_id 8: the source is not a DID of the account"
    assert places(explanation) == {uuid(31): 1}
    assert explain(directory_of(), uuid(11), SOURCE, DESTINATION, CREATED).refusal == (
        "code_id 5: there is no such trunk"
    )


def test_what_is_no_number_at_all_is_told() -> None:
    """Before a broker is asked."""
    assert number_problem(DESTINATION) is None
    assert "7 to 15 digits" in (number_problem("abc") or "")


entries = st.lists(
    st.builds(
        lambda number, to, prefix, source_prefix, owner, priority, blocked: route(
            number, to, prefix, source_prefix=source_prefix, account_id=owner, priority=priority, blocked=blocked
        ),
        st.integers(301, 330), st.integers(1, 8), st.sampled_from(["", "1", "1555", "44"]),
        st.sampled_from([None, "12", "1212", "9"]), st.sampled_from([None, uuid(1), uuid(2)]), st.integers(0, 2),
        st.sampled_from([False, False, True]),
    ),
    max_size=14, unique_by=(lambda it: it.id, route_key),
)  # fmt: skip


@given(entries, st.integers(1, 50))
def test_it_says_what_is_decided(routes: list[Route], number: int) -> None:
    """Whatever the directory: the chosen ones have places, in this order, and nothing better is left out."""
    directory = directory_of(*ALWAYS, *(carrier(n, blocked=n == 8) for n in range(2, 9)), *routes)
    choices = choose_routes(directory, uuid(1), SOURCE, DESTINATION, uuid(number))
    explanation = explain(directory, trunk().id, SOURCE, DESTINATION, CREATED)
    assert len(explanation.verdicts) == len(routes)
    placed = places(explanation)
    chosen = [placed[it.route.id] for it in choices]
    assert None not in chosen
    assert chosen == sorted(chosen, key=lambda it: it or 0)
    assert bool(choices) == bool(explanation.winners)
    if choices:
        assert choices[0].route.id in {it.route.id for it in explanation.winners}
