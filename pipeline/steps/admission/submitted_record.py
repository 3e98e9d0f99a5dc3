"""Reads a record of `sms.mt.submitted`: one submission or an array, good ones apart from bad ones.

A direct producer's bad element must not take its 999 neighbours with it, so an array that does not parse as a whole is
read element by element.
"""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from pydantic import ValidationError

from schemas.address import pattern_problem
from schemas.messages.submission import MAX_SUBMISSIONS, SUBMISSIONS, Submission
from schemas.record import UnreadableBatch, later_version
from schemas.topics import MAX_RECORD_BYTES

STAGE: Final = "submitted"

_JSON_SPACE: Final = " \t\n\r"
_decoder: Final = json.JSONDecoder()


class UnreadableSubmission(NamedTuple):
    """A part of a record that cannot be taken. `element` is its index in the array, None for the whole record."""

    element: int | None
    value: bytes | None
    reason: str
    detail: str


def read_submitted(value: bytes | None) -> list[Submission | UnreadableSubmission]:
    """Return the submissions of a record's value in their order, with what could not be read in its place."""
    if value is None:
        return [UnreadableSubmission(None, None, "empty-record", "the record has no value")]
    if isinstance(value, UnreadableBatch):
        return [UnreadableSubmission(None, value, value.reason, value.detail)]
    if len(value) > MAX_RECORD_BYTES:
        detail = f"{len(value)} bytes when it is unpacked; {MAX_RECORD_BYTES} are allowed"
        return [UnreadableSubmission(None, value, "oversized-record", detail)]
    if value.lstrip()[:1] != b"[":
        return [_read_one(value, None)]
    try:
        return list(SUBMISSIONS.validate_json(value))
    except ValidationError:
        return _read_each(value)


def source_of(value: bytes, element: int) -> tuple[int | None, bytes]:
    """Return a submission of a readable record as it was written, and its index if the record holds an array."""
    if value.lstrip()[:1] != b"[":
        return None, value
    return element, next(islice(_elements(value.decode()), element, None)).encode()


def _read_one(value: bytes, element: int | None) -> Submission | UnreadableSubmission:
    try:
        return Submission.from_bytes(value)
    except ValidationError as error:
        reason = "malformed-json" if error.errors()[0]["type"] == "json_invalid" else "schema-violation"
        return UnreadableSubmission(element, value, reason, describe(error))


def _read_each(value: bytes) -> list[Submission | UnreadableSubmission]:
    try:
        elements = list(_elements(value.decode()))
    except (ValueError, RecursionError) as error:
        return [UnreadableSubmission(None, value, "malformed-json", f"not JSON: {type(error).__name__}")]
    if not 1 <= len(elements) <= MAX_SUBMISSIONS:
        detail = f"an array of {len(elements)} submissions; 1 to {MAX_SUBMISSIONS} are allowed"
        return [UnreadableSubmission(None, value, "schema-violation", detail)]
    return [_read_one(element.encode(), index) for index, element in enumerate(elements)]


def _elements(text: str) -> Iterator[str]:
    """Yield the source text of each element of a JSON array, so that a bad one is kept byte for byte."""
    at = _skip_space(text, text.index("[") + 1)
    if text[at : at + 1] == "]":
        return
    while True:
        _, end = _decoder.raw_decode(text, at)
        yield text[at:end]
        at = _skip_space(text, end)
        if text[at : at + 1] == "]":
            if text[at + 1 :].strip(_JSON_SPACE):
                raise ValueError("text after the array")
            return
        if text[at : at + 1] != ",":
            raise ValueError("no comma between elements")
        at = _skip_space(text, at + 1)


def _skip_space(text: str, at: int) -> int:
    while text[at : at + 1] in _JSON_SPACE and at < len(text):
        at += 1
    return at


def describe(error: ValidationError) -> str:
    """Say where and what is wrong, without the input: it may hold message text."""
    if (later := later_version(error)) is not None:
        return f"schema_version: {later} is of a later version of smsout than this: start that one, then replay"
    return "; ".join(
        f"{'.'.join(map(str, part['loc'])) or 'record'}: {pattern_problem(part)}"
        for part in error.errors(include_url=False, include_context=False)[:5]
    )
