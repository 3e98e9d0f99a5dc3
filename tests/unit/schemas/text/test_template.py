"""Texts with places, and what stands in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.text.template import MAX_VALUES, template, template_problem, values_problems

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,39}", fullmatch=True)
VALUES = st.text(max_size=20) | st.sampled_from(["{{a}}", "{{", "}}", "{", "{{a", ""])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("Hello", ()),
        ("Hello {{name}}", ("name",)),
        ("{{a}}{{b}}{{a}}", ("a", "b", "a")),
        ("{name} }} {", ()),
        ("{{{name}}}", ("name",)),
        ("{{A_1}}", ("A_1",)),
        ("{{" + "a" * 40 + "}}", ("a" * 40,)),
    ],
)
def test_places_are_names_between_two_braces(text: str, names: tuple[str, ...]) -> None:
    """A letter, then letters, digits and underscores; one brace is a brace."""
    assert template_problem(text) is None
    assert template(text).names == names


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("{{", 0),
        ("ab {{name}", 3),
        ("{{a}} {{ name }}", 6),
        ("{{}}", 0),
        ("{{1a}}", 0),
        ("{{näme}}", 0),
        ("{{na-me}}", 0),
        ("{{" + "a" * 41 + "}}", 0),
        ("{{a}}{{{{b}}", 5),
        ("{{a\n}}", 0),
    ],
)
def test_what_begins_no_place_is_pointed_at(text: str, position: int) -> None:
    """It would otherwise be sent as it stands, which nobody means."""
    assert template_problem(text) == f"has a {{{{ at position {position} that begins no place: a place is {{{{name}}}}"


@pytest.mark.parametrize(
    ("text", "values", "problem"),
    [
        ("{{a}}", {"a": "x"}, None),
        ("x", {}, None),
        ("{{a}}x", {"a": ""}, None),
        ("{{a}} {{b}} {{a}}", {}, "lacks a, b"),
        ("{{a}}", {"a": "x", "b": "y"}, "has b, for which the content has no place"),
        ("{{a}}", {"a": "x", "\u202e\n": "y"}, "has '\\u202e\\n', for which the content has no place"),
        ("{{a}}", {"a": ""}, "makes a text of 0 characters; 1 to 50 are allowed"),
        ("{{a}}{{a}}", {"a": "x" * 26}, "makes a text of 52 characters; 1 to 50 are allowed"),
        ("x", {str(n): "" for n in range(MAX_VALUES + 1)}, f"must be {MAX_VALUES} at most, not {MAX_VALUES + 1}"),
        ("".join(f"{{{{a{n}}}}}" for n in range(8)), {}, "lacks a0, a1, a2, a3, a4 and 3 more"),
    ],
)
def test_values_fit_their_places(text: str, values: dict[str, str], problem: str | None) -> None:
    """One for each, none for others, and a text that can be sent; no problem shows what cannot be seen."""
    assert next(values_problems(text, values, 50), None) == problem


@given(st.lists(st.tuples(st.text(max_size=9).filter(lambda it: "{" not in it), NAMES)), st.data())
def test_a_filled_text_is_its_parts_in_their_order(parts: list[tuple[str, str]], data: st.DataObject) -> None:
    """As if somebody had written it for this destination alone; values are text, whatever they look like."""
    text = "".join(f"{literal}{{{{{name}}}}}" for literal, name in parts) + "!"
    values = {name: data.draw(VALUES) for _, name in parts}
    filled = "".join(literal + values[name] for literal, name in parts) + "!"
    assert template_problem(text) is None
    assert template(text).fill(values) == filled
    assert template(text).length(values) == len(filled)


@given(st.text(st.sampled_from("{}a_ "), max_size=30))
def test_what_has_no_problem_has_no_braces_left(text: str) -> None:
    """A text is wrong, or each pair of opening braces in it begins a place."""
    found = template(text)
    assert (template_problem(text) is None) == all("{{" not in it for it in found.literals)
    names = [f"{{{{{it}}}}}" for it in found.names]
    assert "".join(it for pair in zip(found.literals, [*names, ""], strict=True) for it in pair) == text
