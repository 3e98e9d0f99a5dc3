"""Attributes become a submission, or every problem in them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.steps.admission.attributes import Problem
from pipeline.steps.admission.bulk import admit_many
from pipeline.steps.admission.request import (
    Admitted,
    Terms,
    admit,
    admit_bulk,
    check_content,
    check_destination,
    check_source,
)
from schemas.directory.account import NumberCheck
from schemas.identifiers import uuid7
from schemas.messages.destination import MAX_CONTENT_LENGTH, Destination
from schemas.messages.submission import Submission

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
TRUNK_ID = uuid7()
TERMS = Terms(TRUNK_ID, max_segments=10)
GOOD = {"destination": "15551234567", "source": "12125551234", "content": "Hello World!"}


def admitted(attributes: dict[str, Any]) -> Admitted | list[Problem]:
    return admit(attributes, TERMS, NOW)


def admitted_bulk(attributes: dict[str, Any]) -> Admitted | list[Problem]:
    return admit_bulk(attributes, TERMS, NOW)


def test_single() -> None:
    """One destination with an id of its own; time and trunk as they were given."""
    found = admitted(GOOD)

    assert isinstance(found, Admitted)
    submission = Submission.from_bytes(found.to_bytes())
    (destination,) = submission.destinations
    assert (
        submission.trunk_id,
        submission.accepted_at,
        submission.source,
        submission.content,
        destination.address,
    ) == (TRUNK_ID, NOW, "12125551234", "Hello World!", "15551234567")
    assert found.messages == ((destination.id, destination.address),)


def test_bulk_keeps_order_and_drops_repetitions() -> None:
    """A number listed twice is one message, in the place of the first."""
    numbers = ["15551234569", "15551234567", "15551234569", "15551234568", "15551234567"]

    submission = admitted_bulk({**GOOD, "destination": numbers})

    assert isinstance(submission, Admitted)
    assert [address for _, address in submission.messages] == ["15551234569", "15551234567", "15551234568"]
    assert len({identity for identity, _ in submission.messages}) == 3


def test_every_problem_is_listed_in_order() -> None:
    """One round trip tells all."""
    problems = admitted({"destination": "+1", "content": "", "a": 1, "b": 2})

    assert [
        Problem("/destination", "destination must start with the country code, without a plus"),
        Problem("/source", "source is missing"),
        Problem("/content", "content must not be empty"),
        Problem("/a", "a is not a known attribute"),
        Problem("/b", "b is not a known attribute"),
    ] == problems


def test_unknown_attributes_are_listed_within_reason() -> None:
    """A body full of nonsense must not give an answer many times its size."""
    problems = admitted({**GOOD, **{f"x{n}" * 100: 1 for n in range(5000)}})

    assert isinstance(problems, list)
    assert len(problems) == 21
    assert Problem("", "4980 more attributes are not known") == problems[-1]
    assert max(len(problem.detail) for problem in problems) < 100


def test_a_list_that_is_too_long_is_one_problem() -> None:
    """Its numbers are not looked at one by one."""
    problems = admitted_bulk({**GOOD, "destination": ["x"] * 1001})

    assert [Problem("/destination", "destination must list 1 to 1000 numbers, not 1001")] == problems


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("15551234567", None),
        ("447700900123", None),
        ("+15551234567", "destination must start with the country code, without a plus"),
        (
            "0015551234567",
            "destination must start with the country code, without the 00 of an international call; "
            "15551234567 is meant",
        ),
        ("0000000000", "destination must be 7 to 15 digits in international format, country code first"),
        ("123456", "destination must be 7 to 15 digits in international format, country code first"),
        ("1234567890123456", "destination must be 7 to 15 digits in international format, country code first"),
        (
            "15551234567\n",
            "destination must be 7 to 15 digits in international format, country code first; "
            "character 12 is U+000A LINE FEED, which cannot be seen",
        ),
        (
            "1555\u20661234567",
            "destination must be 7 to 15 digits in international format, country code first; "
            "character 5 is U+2066 LEFT-TO-RIGHT ISOLATE, which cannot be seen",
        ),
        ("345901234567890", None),  # a machine's
        ("1555１234567", "destination must be 7 to 15 digits in international format, country code first"),
        ("", "destination must be 7 to 15 digits in international format, country code first"),
        ("155512345678", "destination is not a possible phone number: wrong length or unknown country code"),
        ("9990000000", "destination is not a possible phone number: wrong length or unknown country code"),
    ],
)
def test_check_destination(number: str, problem: str | None) -> None:
    """ASCII digits in international format, of a length that its country has."""
    assert problem == check_destination(number)


@pytest.mark.parametrize(
    ("number", "fine"), [("123", True), ("012345", True), ("12", False), ("12a", False), ("1２3", False)]
)
def test_a_short_code_is_a_destination_where_a_route_takes_them(number: str, fine: bool) -> None:
    """In a single request and in both kinds of bulk; else the answer is what it was."""
    assert check_destination(number) is not None
    assert (check_destination(number, short_codes=True) is None) is fine
    items = [{"destination": number, "content": "Hello"}]
    bulk = {name: value for name, value in GOOD.items() if name not in ("destination", "content")} | {"messages": items}
    for take, attributes in (
        (admit, {**GOOD, "destination": number}),
        (admit_many, {**GOOD, "destination": [number]}),
        (admit_many, bulk),
    ):
        for short_codes in (False, True):
            asked = take(attributes, TERMS._replace(short_codes=short_codes), NOW)
            assert isinstance(asked, Admitted) is (fine and short_codes)


@pytest.mark.parametrize("number", ["4407700900123", "44447700900123", "155512345678", "9990000000", "123456789012345"])
def test_an_account_can_ask_for_the_form_alone(number: str) -> None:
    """For ranges that no table has yet; what is no number at all is refused there too."""
    assert check_destination(number) is not None
    assert check_destination(number, NumberCheck.FORM) is None
    for take, destination in ((admit, number), (admit_bulk, [number])):
        attributes = {**GOOD, "destination": destination}
        asked = take(attributes, TERMS._replace(number_check=NumberCheck.FORM), NOW)
        assert isinstance(asked, Admitted)
    assert check_destination(number + "x", NumberCheck.FORM) is not None


@pytest.mark.parametrize(
    ("source", "fine"),
    [
        ("12125551234", True),
        ("MyBrand", True),
        ("My Brand", True),
        ("Ünïcode", True),
        ("1", True),
        ("1" * 15, True),
        ("1" * 16, False),
        ("+12125551234", False),
        ("", False),
        (" ", False),
        ("Brand ", False),
        ("Bra\nnd", False),
        ("Bra\x00nd", False),
        ("Brand\ud800", False),
        ("Bra\u200bnd", False),
        ("a\u202eb", False),  # would turn around what stands after it in a log or a page
    ],
)
def test_check_source(source: str, fine: bool) -> None:
    """1 to 15 printable characters; whose they are is told later."""
    assert fine == (check_source(source) is None)


@pytest.mark.parametrize(
    ("text", "max_segments", "problem"),
    [
        ("a" * 160, 1, None),
        ("a" * 161, 1, "content takes 2 segments; at most 1 are allowed"),
        ("a" * 1530, 10, None),
        ("a" * 1531, 10, "content takes 11 segments; at most 10 are allowed"),
        ("ж" * 670, 10, None),
        ("ж" * 671, 10, "content takes 11 segments; at most 10 are allowed"),
        ("", 10, "content must not be empty"),
        (" ", 10, None),
        ("\x00", 10, None),
        ("\x1b", 10, "content cannot be sent: the control character U+001B at position 0 cannot be sent"),
        ("ж\ud83d", 10, "content cannot be sent: half of a surrogate pair at position 1 cannot be sent"),
        ("a" * MAX_CONTENT_LENGTH, 255, None),
        ("a" * (MAX_CONTENT_LENGTH + 1), 255, f"content must not be longer than {MAX_CONTENT_LENGTH} characters"),
    ],
)
def test_check_content(text: str, max_segments: int, problem: str | None) -> None:
    """Anything that can be encoded, in as many segments as are allowed."""
    assert problem == check_content(text, max_segments)


def by_model(admitted: Admitted) -> Submission:
    return Submission(
        trunk_id=admitted.trunk_id,
        source=admitted.source,
        content=admitted.content,
        destinations=tuple(Destination(address=address, id=identity) for identity, address in admitted.messages),
        idempotency_key=admitted.idempotency_key,
        idempotency_digest=admitted.idempotency_digest,
        client_reference=admitted.client_reference,
        tags=admitted.tags,
        smart_encoding=admitted.smart_encoding,
        accepted_at=admitted.accepted_at,
    )


@given(
    content=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1b"), min_size=1, max_size=60),
    source=st.text(min_size=1, max_size=15).filter(lambda text: check_source(text) is None),
    key=st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=255),
)
def test_what_is_written_by_hand_is_what_the_model_would_write(content: str, source: str, key: str | None) -> None:
    """Whatever customers write into a text, a sender or a key."""
    found = admitted({**GOOD, "content": content, "source": source})
    assert isinstance(found, Admitted)
    if key is not None:
        found = found._replace(idempotency_key=key, idempotency_digest="0123456789abcdef" * 4)
    assert Submission.from_bytes(found.to_bytes()) == by_model(found)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    attributes=st.dictionaries(
        st.sampled_from(
            ["destination", "source", "content", "campaign_id", "client_reference", "tags", "smart_encoding"]
        )
        | st.text(st.characters(codec=None)),
        json_values | st.sampled_from(["15551234567", "12125551234", "Hi", "replace"]),
        max_size=5,
    )
)
def test_anything_is_answered(attributes: dict[str, Any]) -> None:
    """Whatever JSON holds: a submission that can travel, or problems whose texts can; never an exception."""
    for outcome in (admitted(attributes), admitted_bulk(attributes)):
        if isinstance(outcome, Admitted):
            assert Submission.from_bytes(outcome.to_bytes()) == by_model(outcome)
        else:
            assert outcome
            assert all(text.isprintable() for problem in outcome for text in problem)
