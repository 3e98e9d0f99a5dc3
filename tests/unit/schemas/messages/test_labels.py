"""What a customer may call a message."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.messages.labels import ClientReference, Tags, are_labels, reference_problem, tags_problems

reference, tags = TypeAdapter[str](ClientReference), TypeAdapter[tuple[str, ...]](Tags)

odd = st.text(st.characters(exclude_categories=["Cs"]), max_size=110) | st.sampled_from(
    ["", " ", "a ", "a\nb", "x" * 100, "x" * 101, "x" * 50, "x" * 51, "\u200b", "ж", "a\u3164"]
)


def taken(adapter: TypeAdapter[Any], value: object) -> bool:
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@given(odd)
def test_the_model_takes_the_references_that_the_check_does(text: str) -> None:
    """What ingress lets in is no dead letter, and what the log reads at a glance the processor has read."""
    assert taken(reference, text) == (reference_problem(text) is None) == are_labels(text, None)


@given(st.lists(odd | st.sampled_from("ab"), max_size=12))
def test_the_model_takes_the_tags_that_the_check_does(given: list[str]) -> None:
    """The same of tags, of which there may be none."""
    assert taken(tags, tuple(given)) == (not list(tags_problems(given))) == are_labels(None, given)


@pytest.mark.parametrize(
    ("given", "places"),
    [
        ([], []), (["a"], []), ([str(n) for n in range(10)], []), ([str(n) for n in range(11)], [None]),
        ("a", [None]), (None, [None]), ({"a": 1}, [None]), (["a", "b", "a", "a"], [2, 3]), ([["a"], "a"], [0]),
        ([1, "", "x" * 51], [0, 1, 2]),
    ],
)  # fmt: skip
def test_each_tag_that_is_wrong_is_told_with_its_place(given: object, places: list[int | None]) -> None:
    """None stands for all of them."""
    assert [place for place, _ in tags_problems(given)] == places
