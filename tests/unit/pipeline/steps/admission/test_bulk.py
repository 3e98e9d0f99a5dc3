"""Many messages in one request: their own texts, values for the places of one text, or one text for all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.steps.admission.attributes import Problem
from pipeline.steps.admission.bulk import MAX_PROBLEMS, admit_many
from pipeline.steps.admission.request import Admitted, Terms, admit, admit_bulk
from schemas.messages.submission import Submission
from schemas.text.smart_encoding import SmartEncoding
from tests.builders import CREATED, SOURCE, uuid

ONE, TWO = "15551234567", "15551234568"
TERMS = Terms(uuid(11), max_segments=10)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


def asked(attributes: dict[str, Any], **more: Any) -> Admitted | list[Problem]:
    return admit_many(attributes, TERMS._replace(**more), CREATED)


def many(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"source": SOURCE, "messages": list(messages), **more}


def sent(found: Admitted | list[Problem]) -> list[tuple[str, str, str | None]]:
    """Return what goes out as the topic has it: number, text, reference."""
    assert isinstance(found, Admitted), found
    submission = Submission.from_bytes(found.to_bytes())
    return [
        (to.address, submission.text_of(to), submission.reference_of(to))
        for to in submission.messages(uuid(9)).values()
    ]


def problems(found: Admitted | list[Problem]) -> list[tuple[str, str]]:
    assert isinstance(found, list), found
    return [(it.pointer, it.detail) for it in found]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            many({"destination": ONE, "content": "one"}, {"destination": TWO, "content": "two"}),
            [(ONE, "one", None), (TWO, "two", None)],
        ),
        (
            many({"destination": ONE, "content": "one", "client_reference": "1"},
                 {"destination": TWO, "content": "one"}, client_reference="all"),
            [(ONE, "one", "1"), (TWO, "one", "all")],
        ),
        # Each is a message, also the second to a number, and one that is the same.
        (
            many({"destination": ONE, "content": "a"}, {"destination": ONE, "content": "b"},
                 {"destination": ONE, "content": "a"}),
            [(ONE, "a", None), (ONE, "b", None), (ONE, "a", None)],
        ),
        (
            many({"destination": ONE, "values": {"name": "Ann"}}, {"destination": TWO, "values": {"name": "{{name}}"}},
                 content="Hello {{name}}!"),
            [(ONE, "Hello Ann!", None), (TWO, "Hello {{name}}!", None)],
        ),
        (
            many({"destination": ONE, "client_reference": "1"}, {"destination": ONE, "values": None},
                 {"destination": TWO, "values": {}}, content="No place { } }}"),
            [(ONE, "No place { } }}", "1"), (ONE, "No place { } }}", None), (TWO, "No place { } }}", None)],
        ),
        (many({"destination": ONE, "content": "{{not a place"}), [(ONE, "{{not a place", None)]),
    ],
)  # fmt: skip
def test_messages_are_taken_as_they_are_written(attributes: dict[str, Any], expected: list[Any]) -> None:
    """In their order, each with its text and what it is called."""
    assert sent(asked(attributes)) == expected


LONG = "x" * 1531
TEXT_AND_VALUES = "content is the request's: a message has values for its places"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (many(), [("/messages", "messages must be 1 to 1000, not 0")]),
        (many(*[{}] * 1001), [("/messages", "messages must be 1 to 1000, not 1001")]),
        ({"source": SOURCE, "messages": None}, [("/messages", "messages must be an array of objects")]),
        ({"source": SOURCE, "messages": {"destination": ONE}}, [("/messages", "messages must be an array of objects")]),
        (many(ONE, None, []), [(f"/messages/{n}", "a message must be an object") for n in range(3)]),
        (
            many({}, {"destination": "+1", "content": ""}),
            [
                ("/messages/0/destination", "destination is missing"),
                ("/messages/0/content", "content is missing"),
                ("/messages/1/destination", "destination must start with the country code, without a plus"),
                ("/messages/1/content", "content must not be empty"),
            ],
        ),
        (
            many({"destination": ONE, "content": LONG}, {"destination": ONE, "content": "a\x1b"}),
            [
                ("/messages/0/content", "content takes 11 segments; at most 10 are allowed"),
                (
                    "/messages/1/content",
                    "content cannot be sent: the control character U+001B at position 1 cannot be sent",
                ),
            ],
        ),
        (
            many({"destination": ONE, "content": "x"}, destination=[ONE]),
            [("/destination", "destination is in each of the messages")],
        ),
        (
            many({"destination": ONE, "content": "x"}, content="y"),
            [("/messages/0/content", TEXT_AND_VALUES)],
        ),
        (
            many({"destination": ONE, "content": None}, content="y"),
            [("/messages/0/content", TEXT_AND_VALUES)],
        ),
        (
            many({"destination": ONE, "content": "x", "values": {}}),
            [("/messages/0/values", "values are for the places of the request's content, and it has none")],
        ),
        (
            many({"destination": ONE}, {"destination": TWO, "values": {"name": "x", "more": "y"}},
                 {"destination": TWO, "values": {"name": 1}}, {"destination": TWO, "values": ["name"]},
                 {"destination": TWO, "values": {"name": LONG}}, content="{{name}}"),
            [
                ("/messages/0/values", "values lacks name"),
                ("/messages/1/values", "values has more, for which the content has no place"),
                ("/messages/2/values", "values must be an object of strings"),
                ("/messages/3/values", "values must be an object of strings"),
                ("/messages/4/values", "with these values content takes 11 segments; at most 10 are allowed"),
            ],
        ),
        (
            many({"destination": ONE, "values": {"name": "x"}}, content="{{name"),
            [("/content", "content has a {{ at position 0 that begins no place: a place is {{name}}")],
        ),
        (many({"destination": ONE}, {"destination": TWO}, content=LONG),
         [("/content", "content takes 11 segments; at most 10 are allowed")]),
        (many({"destination": ONE}, content=""), [("/content", "content must not be empty")]),
        (many({"destination": ONE}, content=None), [("/content", "content must be a string")]),
        (
            many({"destination": ONE}, content="x" * 16_385),
            [("/content", "content must not be longer than 16384 characters")],
        ),
        (
            many({"destination": ONE, "values": {"a": "x" * 9000}}, content="{{a}}{{a}}"),
            [("/messages/0/values", "values makes a text of 18000 characters; 1 to 16384 are allowed")],
        ),
        (
            many({"destination": ONE, "content": "x", "client_reference": "", "tags": [], "source": SOURCE}),
            [
                ("/messages/0/client_reference", "client_reference must not be empty"),
                ("/messages/0/tags", "tags is not a known attribute"),
                ("/messages/0/source", "source is not a known attribute"),
            ],
        ),
        (
            {"messages": [{"destination": ONE, "content": "x"}], "tags": "x", "more": 1, "smart_encoding": "on"},
            [
                ("/source", "source is missing"),
                ("/tags", "tags must be an array of strings"),
                ("/smart_encoding", "smart_encoding must be one of off, replace, transliterate"),
                ("/more", "more is not a known attribute"),
            ],
        ),
    ],
)  # fmt: skip
def test_every_problem_says_where_it_is(attributes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Of all messages at once: nothing is taken where one of them is wrong."""
    assert problems(asked(attributes)) == expected


def test_a_request_that_is_wrong_all_over_gets_a_bounded_answer() -> None:
    """The first problems, and how many more there are."""
    found = problems(asked(many(*[{str(n): 1 for n in range(9)}] * 1000)))
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == ("/messages", "messages have 10000 more problems")


def test_values_that_would_fill_the_memory_are_only_counted() -> None:
    """A short request cannot ask for a gigabyte of text."""
    attributes = many({"destination": ONE, "values": {"a": "x" * 100_000}}, content="{{a}}" * 3000)
    [(pointer, detail)] = problems(asked(attributes))
    assert (pointer, detail) == (
        "/messages/0/values", "values makes a text of 300000000 characters; 1 to 16384 are allowed",
    )  # fmt: skip


@pytest.mark.parametrize(("mode", "good"), [(None, False), (SmartEncoding.REPLACE, True)])
def test_each_text_is_counted_as_it_will_be_sent(mode: SmartEncoding | None, good: bool) -> None:
    """With the smart encoding of the request or its trunk."""
    texts = {"destination": ONE, "content": "’" * 671}
    values = {"destination": ONE, "values": {"a": "’" * 671}}
    for attributes in (many(texts), many(values, content="{{a}}")):
        assert isinstance(asked(attributes, smart_encoding=mode), Admitted) is good
        asks = {**attributes, "smart_encoding": mode and mode.value}
        assert isinstance(asked(asks), Admitted) is good


def test_without_messages_it_is_a_request_as_it_always_was() -> None:
    """Byte for byte in the topic but for the ids, and problem for problem."""
    for attributes in ({"source": SOURCE, "destination": [ONE, TWO], "content": "x"}, {"destination": ONE}):
        expected = admit_bulk(attributes, TERMS, CREATED)
        found = asked(attributes)
        if isinstance(expected, Admitted):
            assert isinstance(found, Admitted)
            assert found._replace(messages=expected.messages).to_bytes() == expected.to_bytes()
        else:
            assert found == expected


@given(
    texts=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), min_size=1, max_size=5),
    content=st.lists(st.sampled_from(["{{a}}", "{{b}}", "x", "{", "}}", " ’"]), min_size=1, max_size=6).map("".join),
    values=st.lists(
        st.fixed_dictionaries({"a": st.text(max_size=9), "b": st.text(max_size=9)}), min_size=1, max_size=4
    ),
)
def test_each_message_is_what_it_would_be_alone(texts: list[str], content: str, values: list[dict[str, str]]) -> None:
    """Taken where each of them would be, with the same text; values are put in once and are nothing but text."""
    own = many(*[{"destination": ONE, "content": text} for text in texts])
    alone = [admit({"source": SOURCE, "destination": ONE, "content": text}, TERMS, CREATED) for text in texts]
    found = asked(own)
    assert isinstance(found, Admitted) == all(isinstance(it, Admitted) for it in alone)
    if isinstance(found, Admitted):
        assert [text for _, text, _ in sent(found)] == texts
    used = [name for name in ("a", "b") if f"{{{{{name}}}}}" in content]
    given_values = [{name: it[name] for name in used} for it in values]
    expected = []
    for it in given_values:
        marked = content.replace("{{a}}", "\0a").replace("{{b}}", "\0b")
        first, *others = marked.split("\0")
        expected.append(first + "".join(it[other[0]] + other[1:] for other in others))
    found = asked(many(*[{"destination": ONE, "values": it} for it in given_values], content=content))
    if isinstance(found, Admitted):
        assert [text for _, text, _ in sent(found)] == expected


@given(json_values, st.booleans())
def test_anything_is_answered(messages: Any, has_content: bool) -> None:
    """Whatever JSON holds: a submission that can travel, or problems whose texts can; never an exception."""
    for value in (messages, [messages], [{"destination": ONE, "values": messages}], [{"content": messages}]):
        attributes = {"source": SOURCE, "messages": value} | ({"content": "{{a}} x"} if has_content else {})
        found = asked(attributes)
        if isinstance(found, Admitted):
            Submission.from_bytes(found.to_bytes())
        else:
            assert found
            json.dumps(found).encode()
            assert all(text.isprintable() for problem in found for text in problem)
