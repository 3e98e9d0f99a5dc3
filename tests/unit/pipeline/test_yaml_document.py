"""YAML as plain text with lines: nothing is guessed, nothing unfolds."""

import pytest

from pipeline.errors import RuleViolated
from pipeline.yaml_document import YamlDocument


def test_scalars_stay_the_text_that_was_typed() -> None:
    """Only a plain null, ~ or nothing is None; octal, sexagesimal, yes and dates are text."""
    document = YamlDocument.parse(b"a: [0123, 12:30, no, 1.10, 2026-01-01, null, ~, 'null', '', \"~\"]\nb:\nc: {}\n")
    assert document.tree == {
        "a": ["0123", "12:30", "no", "1.10", "2026-01-01", None, None, "null", "", "~"],
        "b": None,
        "c": {},
    }


def test_places_are_lines_and_paths() -> None:
    """A path is found as deep as it goes."""
    document = YamlDocument.parse(b"a:\n  - x: 1\n  - x: 2\n    y: 3\n")
    assert document.where(("a", 1, "y")) == "line 4 (a[1].y)"
    assert document.where(("a", 1, "missing")) == "line 3 (a[1].missing)"
    assert document.where(("a", 7)) == "line 2 (a[7])"
    assert document.where(()) == "line 1"


def test_nothing_is_an_empty_document() -> None:
    """An empty file has no tree, and a place all the same."""
    document = YamlDocument.parse(b"# nothing\n")
    assert document.tree is None
    assert document.where(("accounts",)) == "line 1 (accounts)"


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (b"a: &x [1]\nb: *x\n", "line 2", "aliases are not supported"),
        (b"a: &x 1\nb: *x\n", "line 2", "aliases are not supported"),
        (b"a: &x\n  b: *x\n", "line 2", "aliases are not supported"),
        (b"a: 1\nb: 2\na: 3\n", "line 3", "'a' is here twice"),
        (b"a: 1\n? [x]\n: 2\n", "line 2", "a key must be a word"),
        (b"a: !!python/object/apply:os.system [id]\n", "line 1", "tags are not supported"),
        (b"a: !!int 5\n", "line 1", "tags are not supported"),
        (b"a: [1\nb: 2\n", "line 2", "is not YAML"),
        (b"a: 1\n---\nb: 2\n", "line 2", "second document"),
        (b"a: 1\nb: \xff\n", "line 2", "is not UTF-8"),
        (b"a: \x00\n", "file", "is not YAML"),
        (b"[" * 100_000, "line 1", "nested more than 32 deep"),
    ],
)
def test_what_is_refused(content: bytes, where: str, what: str) -> None:
    """Each problem has its line, and hostile files end as one."""
    with pytest.raises(RuleViolated) as raised:
        YamlDocument.parse(content)
    ((found_where, found_what),) = raised.value.problems
    assert found_where.startswith(where)
    assert what in found_what


def test_all_problems_are_told_at_once() -> None:
    """Two repeated keys are two problems."""
    with pytest.raises(RuleViolated) as raised:
        YamlDocument.parse(b"a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert [where for where, _ in raised.value.problems] == ["line 2", "line 3"]
