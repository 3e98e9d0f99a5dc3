"""The rules of a submission that reach beyond one attribute."""

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.identifiers import message_id_of_destination
from schemas.messages.submission import Submission

TRUNK = "0192f1c4-6a5e-7b31-9d5c-000000000002"
A = "0192f1c4-6a5e-7b31-9d5c-00000000000a"
B = "0192f1c4-6a5e-7b31-9d5c-00000000000b"
ONE, TWO = "13105557890", "4915112345678"


def submission(**attributes: Any) -> Submission:
    defaults = {"trunk_id": TRUNK, "source": "12125551234", "content": "x", "destinations": [{"address": ONE}]}
    return Submission.from_bytes(json.dumps({**defaults, **attributes}).encode())


@pytest.mark.parametrize(
    ("destinations", "ids"),
    [
        ([{"address": ONE}], [A]),
        ([{"address": ONE, "id": B}], [B]),
        ([{"address": ONE}, {"address": TWO}], [message_id_of_destination(A, ONE), message_id_of_destination(A, TWO)]),
        ([{"address": ONE, "id": B}, {"address": TWO}], [B, message_id_of_destination(A, TWO)]),
        ([{"address": ONE}, {"address": ONE}], [message_id_of_destination(A, ONE)] * 2),
    ],
)
def test_message_ids(destinations: list[dict[str, str]], ids: list[str]) -> None:
    """Its own id first; then the submission's, for a single destination; then one derived from both."""
    made = submission(destinations=destinations)
    assert [made.message_id(it, A) for it in made.destinations] == ids


@pytest.mark.parametrize(
    ("destinations", "names"),
    [
        ([{"address": ONE}, {"address": ONE}], [ONE]),
        ([{"address": ONE, "client_reference": "a"}, {"address": ONE}], [ONE, f"{ONE} 2"]),
        (
            [{"address": ONE, "values": {}}, {"address": TWO}, {"address": ONE}, {"address": ONE}],
            [ONE, TWO, f"{ONE} 2", f"{ONE} 3"],
        ),
    ],
)
def test_a_message_of_its_own_has_an_id_of_its_own(destinations: list[dict[str, Any]], names: list[str]) -> None:
    """A number that is listed again is one message only where nothing tells the two apart."""
    made = submission(destinations=destinations).messages(A)
    assert list(made) == [message_id_of_destination(A, name) for name in names]


OWN = {"address": ONE, "content": "x"}


@pytest.mark.parametrize(
    ("content", "destinations", "problem"),
    [
        (None, [OWN, {"address": TWO}], "destination 1 has no text"),
        (None, [{"address": ONE}], "destination 0 has no text"),
        ("x", [{"address": ONE}, OWN], "destination 1 has a text, and so has the submission"),
        (None, [{**OWN, "values": {}}], "destination 0 has values, and the submission no text"),
        ("{{a}}", [{"address": ONE, "values": {"b": "x"}}], "destination 0 has values: it lacks a"),
        ("{{a}}", [{"address": ONE, "values": {"a": ""}}], "makes a text of 0 characters"),
        ("{{", [{"address": ONE, "values": {}}], "destination 0 has values, and the text has a {{ at position 0"),
        (None, [{**OWN, "id": A}, {**OWN, "id": A}], "two destinations have the same id"),
        (None, [{"address": ONE, "content": ""}], "content"),
        (None, [{"address": ONE, "content": "x" * 16_385}], "content"),
        ("x", [{"address": ONE, "client_reference": ""}], "client_reference"),
        ("{{a}}", [{"address": ONE, "values": {"a": 1}}], "values"),
        ("x", [{"address": ONE, "values": {str(n): "" for n in range(101)}}], "values"),
    ],
)
def test_every_destination_has_one_text(content: str | None, destinations: list[dict[str, Any]], problem: str) -> None:
    """Whatever else would be sent to somebody for whom it is not, or not be sent at all."""
    with pytest.raises(ValidationError, match=re.escape(problem)):
        submission(content=content, destinations=destinations)


def test_a_text_without_values_has_no_places() -> None:
    """What an earlier version took as it stands is taken so still."""
    made = submission(content="{{name}} {{")
    assert [made.text_of(it) for it in made.destinations] == ["{{name}} {{"]


def test_two_numbers_under_one_id_are_refused() -> None:
    """They would be one message, and one of the two numbers would silently get nothing."""
    with pytest.raises(ValidationError, match="two destinations have the same id"):
        submission(destinations=[{"address": ONE, "id": A}, {"address": TWO, "id": A}])


def test_one_number_twice_under_one_id_is_one_message() -> None:
    """A harmless repetition."""
    assert len(submission(destinations=[{"address": ONE, "id": A}, {"address": ONE, "id": A}]).destinations) == 2


@pytest.mark.parametrize(
    ("accepted_at", "readable"),
    [
        ("1999-12-31T23:59:59.999999Z", False),
        ("2000-01-01T00:00:00Z", True),
        ("1999-12-31T23:30:00-01:00", True),
        ("2199-12-31T23:59:59.999999Z", True),
        ("2200-01-01T00:00:00Z", False),
        ("0001-01-01T00:00:00+23:59", False),
        ("9999-12-31T23:59:59-23:59", False),
    ],
)
def test_accepted_at_is_a_time_to_calculate_with(accepted_at: str, *, readable: bool) -> None:
    """At the ends of the calendar, adding a time to live or changing the zone would raise in the processor."""
    if readable:
        assert submission(accepted_at=accepted_at).accepted_at is not None
    else:
        with pytest.raises(ValidationError, match="accepted_at"):
            submission(accepted_at=accepted_at)
