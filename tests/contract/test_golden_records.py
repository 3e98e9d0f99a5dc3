"""Records as earlier versions wrote them must stay readable, and hostile ones must fail in one way only."""

import json

import pytest
from pydantic import ValidationError

from agents.commands.documents.schemas import RECORDS, document_name
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.submission import SUBMISSIONS, Submission
from schemas.record import Record, later_version
from tests.contract.golden_records import GOLDEN, every_golden_record, golden_records


@every_golden_record
def test_a_record_of_version_1_is_read_and_written_back_unchanged(record: type[Record], value: bytes) -> None:
    """Reading and writing gives the same bytes: replays stay identical over releases."""
    assert record.from_bytes(value).to_bytes() == value


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_the_golden_records_show_every_attribute(record: type[Record]) -> None:
    """An attribute that no golden record has is one whose wire form nothing holds still."""
    shown = {name for model, value in golden_records() if model is record for name in json.loads(value)}
    assert set(record.model_fields) == shown


def test_every_golden_file_belongs_to_a_record() -> None:
    """A record that is renamed takes its history along."""
    expected = {f"{document_name(record)}-v1.jsonl" for record in RECORDS}
    assert expected == {path.name for path in GOLDEN.iterdir()}


@every_golden_record
@pytest.mark.parametrize("version", ["2", '"1"', "1.5", "0", "-1", "null", "[]", "99999999999999999999"])
def test_another_schema_version_is_refused(record: type[Record], value: bytes, version: str) -> None:
    """A reader does not guess what a version that it does not know means."""
    other = value.replace(b'"schema_version":1', b'"schema_version":' + version.encode(), 1)
    assert other != value
    with pytest.raises(ValidationError, match="schema_version") as refusal:
        record.from_bytes(other)
    # Only what a later version of ours can have written is said to be that.
    assert later_version(refusal.value) == (2 if version == "2" else None)


@every_golden_record
def test_a_record_without_a_version_is_version_1(record: type[Record], value: bytes) -> None:
    """A direct producer may leave the version out."""
    assert record.from_bytes(value.replace(b'"schema_version":1,', b"", 1)).to_bytes() == value


@every_golden_record
def test_unknown_attributes_are_refused_in_what_customers_write(record: type[Record], value: bytes) -> None:
    """Internal records may come from a newer release; an unknown attribute of theirs is a wish not granted."""
    newer = value.replace(b"{", b'{"added_later":{"a":[1]},', 1)
    if record in (Submission, CancelRequest):
        with pytest.raises(ValidationError, match="added_later"):
            record.from_bytes(newer)
    else:
        assert record.from_bytes(newer).to_bytes() == value


def test_an_unknown_attribute_of_a_destination_is_refused() -> None:
    """The same one level down."""
    with pytest.raises(ValidationError, match="text"):
        Submission.from_bytes(
            b'{"trunk_id":"0192f1c4-6a5e-7b31-9d5c-000000000002","source":"12125551234","content":"x",'
            b'"destinations":[{"address":"13105557890","text":"another"}]}'
        )


HOSTILE = (
    b"null", b"true", b"false", b"0", b"-1", b"1", b"1.5", b"1e400", b"-0.0", b"NaN", b"Infinity", b"-Infinity",
    b"18446744073709551616", b"9" * 5000, b'""', b'"1"', b'"NaN"', b'"\\u0000"', b'"\\ud800"', b'"\xff"',
    b'"\xed\xa0\x80"', b'"2026-11-22T19:00:00"', b'"2026-11-22"', b'"0001-01-01T00:00:00+23:59"',
    b'"9999-12-31T23:59:59.999999-23:59"', b'"2026-11-22T24:61:00Z"', b'"1795374000"', b"{}", b"[]", b"[[]]",
    b'[{"seqnum":1}]', b'{"a":{"b":[{}]}}', b"[" * 300, b'{"a":' * 300, b'"' + b"A" * 20_000 + b'"', b"'x'", b"", b",",
    '"\u0661\u0662\u0663\u0664\u0665\u0666\u0667"'.encode(), b'"12125551234\\n"',
    b'"0192F1C4-6A5E-7B31-9D5C-000000000001"', b'"__proto__"',
)  # fmt: skip


@every_golden_record
def test_a_hostile_value_anywhere_is_a_validation_error_or_harmless(record: type[Record], value: bytes) -> None:
    """Each attribute in turn takes each hostile value: nothing but ValidationError is raised, and what is taken
    can be written and read again."""
    attributes = json.loads(value)
    for name in attributes:
        rest = {key: it for key, it in attributes.items() if key != name}
        for hostile in HOSTILE:
            text = json.dumps({**rest, name: "@"}, ensure_ascii=False).encode().replace(b'"@"', hostile)
            try:
                taken = record.from_bytes(text)
            except ValidationError:
                continue
            assert taken == record.from_bytes(taken.to_bytes()), (name, hostile)


@every_golden_record
def test_values_of_the_wrong_type_are_refused(record: type[Record], value: bytes) -> None:
    """Numbers as strings, strings as numbers, objects as anything: nothing is coerced."""
    attributes = json.loads(value)
    for name, right in attributes.items():
        wrong: list[object] = [{"a": {"b": []}}, [[[]]], "12" if isinstance(right, int | float) else 12.5]
        if isinstance(right, str) and right.startswith("2026-"):
            wrong.append(right.removesuffix("Z"))
        for it in wrong:
            if name in ("price_per_segment", "spend_per_day") and it == 12.5:
                continue  # a price may be a JSON number, for YAML's sake
            if name == "callbacks" and isinstance(it, dict):
                continue  # an object of which every attribute may be left out, with one of a newer release
            with pytest.raises(ValidationError, match=name):
                record.from_bytes(json.dumps({**attributes, name: it}).encode())


@pytest.mark.parametrize(
    "value", [b"", b"[]", b"3", b"nul", b"\x00", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff"]
)
def test_what_is_no_record_is_a_validation_error(value: bytes) -> None:
    """Empty, truncated, binary, or nested without end."""
    for record in RECORDS:
        with pytest.raises(ValidationError):
            record.from_bytes(value)
    with pytest.raises(ValidationError):
        SUBMISSIONS.validate_json(value)


@pytest.mark.parametrize("count", [0, 1001])
def test_an_array_holds_1_to_1000_submissions(count: int) -> None:
    """The public topic's limit."""
    one = next(value for record, value in golden_records() if record is Submission)
    with pytest.raises(ValidationError):
        SUBMISSIONS.validate_json(b"[" + b",".join([one] * count) + b"]")
    assert len(SUBMISSIONS.validate_json(b"[" + b",".join([one] * 1000) + b"]")) == 1000
