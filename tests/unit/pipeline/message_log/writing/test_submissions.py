"""What is taken at a glance is what the processor's own reader takes."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.message_log.writing.submissions import glance
from pipeline.steps.admission.submitted_record import read_submitted
from schemas.messages.submission import Submission
from tests.builders import uuid

USUAL: dict[str, Any] = {
    "schema_version": 1, "id": uuid(5), "trunk_id": uuid(11), "source": "12125551234", "content": "Hello",
    "destinations": [{"address": "15551234567", "id": uuid(5)}], "accepted_at": "2026-11-22T19:00:00.250000Z",
    "client_reference": "order 4711", "tags": ["shop", "doors"],
    "send_at": "2026-11-23T07:30:00Z", "validity_period": 60,
    "smart_encoding": "replace", "campaign_id": uuid(19),
}  # fmt: skip

ODD_IDS = [uuid(5), uuid(5).upper(), uuid(5) + "\n"]
NUMBERS = ["", "x", "12125551234", "15551234567", "0155512345", "15551234567\n", "1" * 16, "\0", "Ж" * 15, "k" * 300]
TIMES = [
    f"{date}T19:00:00{zone}" for date in ("1999-11-22", "2026-11-22", "2300-01-01") for zone in ("", "Z", "+02:00")
]
texts = st.sampled_from([*ODD_IDS, *NUMBERS, *TIMES])
values = st.one_of(texts, st.none(), st.booleans(), st.integers(-2, 2), st.lists(texts, max_size=2))
destinations = st.lists(
    st.dictionaries(st.sampled_from(["address", "id", "more"]), values, max_size=3)
    | st.just({"address": "15551234567", "id": uuid(5)})
    | st.just({"address": "15551234568", "id": uuid(6)}),
    max_size=3,
)
changes = st.dictionaries(
    st.sampled_from([*USUAL, "idempotency_key", "idempotency_digest", "more"]), values | destinations, max_size=3
)


def plain(submissions: Any) -> list[tuple[Any, ...]]:
    return [
        (
            it.id,
            it.trunk_id,
            it.source,
            it.content,
            [(to.address, to.id) for to in it.destinations],
            it.accepted_at,
            it.client_reference,
            list(it.tags or ()),
            it.smart_encoding,
            it.send_at,
            it.validity_period,
            it.campaign_id,
        )
        for it in submissions
    ]


@given(st.lists(changes, min_size=1, max_size=3), st.booleans())
def test_it_takes_nothing_that_the_reader_refuses_and_nothing_else_than_it(parts: list[Any], alone: bool) -> None:
    """Whatever somebody writes: the same submissions, or a closer look."""
    document = [{**USUAL, **part} for part in parts]
    value = json.dumps(document[0] if alone else document).encode()
    glanced = glance(value)
    if glanced is None:
        return
    read = read_submitted(value)
    assert all(isinstance(it, Submission) for it in read)
    assert plain(glanced) == plain(read)


def test_what_ingress_writes_is_taken() -> None:
    """Otherwise the glance would be for nothing."""
    (one,) = glance(json.dumps(USUAL).encode()) or []
    assert one.accepted_at == datetime.fromisoformat("2026-11-22T19:00:00.250000+00:00")
    assert len(glance(json.dumps([USUAL, USUAL]).encode()) or []) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"idempotency_key": "k"}, {"more": 1}, {"destinations": [{"address": "15551234567"}]}, {"schema_version": 2},
        {"client_reference": ""}, {"client_reference": "a\0"}, {"client_reference": "x" * 101}, {"tags": ["a", "a"]},
        {"tags": ["a\u200b"]}, {"tags": ["x"] * 11}, {"smart_encoding": "on"}, {"campaign_id": "c"},
        {"trunk_id": uuid(11) + "\n"}, {"accepted_at": None}, {"source": ""}, {"destinations": []},
        {"destinations": [{"address": "15551234567", "id": uuid(5)}, {"address": "15551234568", "id": uuid(5)}]},
    ],
)  # fmt: skip
def test_what_is_not_certain_gets_a_closer_look(change: dict[str, Any]) -> None:
    """A key may be another submission's; an id that is not there must be derived; anything odd is for the reader."""
    assert glance(json.dumps({**USUAL, **change}).encode()) is None
