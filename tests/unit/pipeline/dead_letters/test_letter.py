"""What is refused keeps its bytes and says where it came from."""

import pytest
from prometheus_client import REGISTRY

from pipeline.dead_letters.letter import dead_letter
from schemas.dead_letter import DeadLetterSource
from schemas.record import InRecord

NAME = "smsout_dead_letters_total"


@pytest.mark.parametrize(("key", "value"), [(b"key", b"value"), (None, None), (b"\xff", b"\x00\xff")])
@pytest.mark.parametrize("element", [None, 0, 7])
def test_key_value_and_coordinates_survive(key: bytes | None, value: bytes | None, element: int | None) -> None:
    """Whatever they are, in the dead-letter topic of the record's own."""
    record = dead_letter(
        InRecord("sms.mt.status", 3, 42, 1_700_000_000_000, key, value, ()),
        stage="callback", reason="schema-violation", detail="what: wrong", element=element,
    )  # fmt: skip
    assert (record.topic, record.key, record.value) == ("sms.mt.status.dead-letter", key, value)
    assert DeadLetterSource.from_headers(record.headers) == DeadLetterSource(
        "sms.mt.status", 3, 42, 1_700_000_000_000, "callback", "schema-violation", "what: wrong", element
    )


def test_other_headers_stay_and_an_earlier_refusal_gives_way() -> None:
    """A record that was replayed and refused again has one source, the latest."""
    record = InRecord("a", 0, 1, 2, b"k", b"v", (("trace", b"t"),))
    first = dead_letter(record, stage="s", reason="old", detail="", element=4)
    again = dead_letter(InRecord("a", 0, 9, 2, b"k", b"v", first.headers), stage="s", reason="new", detail="")
    assert [content for name, content in again.headers if name == "trace"] == [b"t"]
    source = DeadLetterSource.from_headers(again.headers)
    assert (source.offset, source.reason, source.element) == (9, "new", None)
    names = [name for name, _ in again.headers]
    assert len(names) == len(set(names))


def test_each_one_is_counted() -> None:
    """By stage and reason."""
    labels = {"stage": "test-stage", "reason": "test-reason"}
    for _ in range(2):
        dead_letter(InRecord("a", 0, 1, 2, None, None, ()), stage="test-stage", reason="test-reason", detail="")
    assert REGISTRY.get_sample_value(NAME, labels) == 2.0
