"""Bodies are read in one way only, or not at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ingress.protocol.json_api import Malformed, parse

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
envelopes = st.fixed_dictionaries(
    {"data": st.fixed_dictionaries({"type": json_values, "attributes": st.dictionaries(st.text(), json_values)})}
)


def repeats_a_member(text: str) -> bool:
    found = False

    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        found = found or len(dict(pairs)) != len(pairs)
        return dict(pairs)

    json.loads(text, object_pairs_hook=hook)
    return found


@given(document=json_values | envelopes, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
def test_parses_what_json_parses(document: Any, ascii_only: bool, indent: int | None) -> None:
    """Any JSON value without repeated members comes out as the standard library reads it."""
    body = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    assert document == parse(body)


names = st.sampled_from(["data", "type", "attributes", "content", "a:b", '"', ":"])
texts = st.recursive(
    st.sampled_from(["1", '"x"', '"a:b"', '"\\":"', "{}"]),
    lambda inner: st.lists(st.tuples(names, inner), min_size=1, max_size=4).map(
        lambda members: "{" + ", ".join(f"{json.dumps(name)} : {value}" for name, value in members) + "}"
    ),
    max_leaves=12,
)


@given(text=texts)
def test_repeated_members_are_always_found(text: str) -> None:
    """At any depth and with colons anywhere, exactly the texts that repeat a member are refused."""
    try:
        parse(text.encode())
    except Malformed:
        refused = True
    else:
        refused = False
    assert repeats_a_member(text) == refused


@given(body=st.binary(max_size=60))
def test_any_bytes_are_parsed_or_malformed(body: bytes) -> None:
    """Never another exception."""
    reason = ""
    try:
        parse(body)
    except Malformed as malformed:
        reason = str(malformed)
    assert reason.isprintable()


def test_a_million_members_are_refused_quickly() -> None:
    """The search for the repeated one is linear: this would take minutes otherwise."""
    body = ("{" + ",".join(f'"{n}":1' for n in range(200_000)) + ',"0":1}').encode()
    with pytest.raises(Malformed, match="the member '0' is there more than once"):
        parse(body)


def test_half_a_surrogate_pair_reaches_the_checks() -> None:
    """It is JSON (RFC 8259 section 8.2), so what is wrong with it is told by the attribute's own check."""
    assert parse(rb'{"data":"\ud800"}') == {"data": "\ud800"}
