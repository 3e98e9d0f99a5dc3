"""The table of states, which docs/delivery-receipts.md has in words."""

import re
from itertools import permutations, product
from pathlib import Path

import pytest

from pipeline.receipts.verdict import GRAVITY, STRENGTH, WORDS, stronger, verdict
from schemas.messages.dlr import RECEIPT_STATES, MessageState
from tests.builders import CREATED
from tests.unit.pipeline.receipts.written_table import STATES_BY_GRAVITY, STRENGTHS, WRITTEN_WORDS, outcome

FINAL = [it for it in MessageState if it.is_final]
DOCUMENT = Path(__file__).parents[4] / "docs" / "delivery-receipts.md"


def test_the_code_has_the_written_order_of_strength() -> None:
    """From weak to strong, every state once."""
    assert sorted(MessageState, key=STRENGTH.__getitem__) == STRENGTHS
    assert len(STRENGTHS) == len(MessageState)


def test_the_code_has_the_written_order_of_gravity_and_its_words() -> None:
    """The table is read from its last row up to its first but one, and names every final state."""
    assert list(GRAVITY) == STATES_BY_GRAVITY
    assert {state: word.value for state, word in WORDS.items()} == WRITTEN_WORDS
    assert set(GRAVITY) == set(FINAL) == set(WORDS)


def test_the_api_document_has_the_same_words() -> None:
    """What customers read is what they are told."""
    table = (DOCUMENT.parent / "http-api.md").read_text().partition("### Delivery receipts")[2].partition("### ")[0]
    assert set(re.findall(r"^\| `([A-Z]+)` \|", table, re.MULTILINE)) == {word.value for word in WORDS.values()}


@pytest.mark.parametrize(("one", "other"), [*product(MessageState, MessageState)])
def test_the_stronger_of_two_receipts_does_not_depend_on_their_order(one: MessageState, other: MessageState) -> None:
    """Of two that say the same the first one stays; an interim state never replaces a final one."""
    first, second = outcome(1, one), outcome(1, other)
    assert stronger(first, second).state is stronger(second, first).state
    if one is other:
        assert stronger(first, second) is first
    if one.is_final and not other.is_final:
        assert stronger(second, first) is first


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_combination_of_final_states_ends_by_the_table(count: int) -> None:
    """All of them, in every order of the segments."""
    for states in product(FINAL, repeat=count):
        expected = next(it for it in STATES_BY_GRAVITY if it in states)
        assert {verdict(order, count, time_is_over=False) for order in permutations(states)} == {expected}


@pytest.mark.parametrize("interim", [MessageState.ENROUTE, MessageState.ACCEPTED])
def test_what_is_not_final_is_waited_for_until_the_time_is_over(interim: MessageState) -> None:
    """Then it is unknown, unless another segment has failed."""
    assert verdict([MessageState.DELIVERED, interim], 2, time_is_over=False) is None
    assert verdict([MessageState.DELIVERED], 2, time_is_over=False) is None
    assert verdict([MessageState.DELIVERED, interim], 2, time_is_over=True) is MessageState.UNKNOWN
    assert verdict([], 1, time_is_over=True) is MessageState.UNKNOWN
    assert verdict([MessageState.EXPIRED, interim], 2, time_is_over=True) is MessageState.EXPIRED


def test_every_state_that_a_receipt_can_have_is_in_the_table() -> None:
    """A new one cannot be forgotten."""
    assert set(RECEIPT_STATES.values()) == set(STRENGTH)
    assert outcome(1, MessageState.SKIPPED).at == CREATED
