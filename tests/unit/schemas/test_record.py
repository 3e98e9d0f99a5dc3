"""Whatever a published schema allows, its model takes, writes and reads back the same."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.commands.documents.schemas import RECORDS
from schemas import unchecked as fast
from schemas.address import unseen
from schemas.messages import callback, destination, dlr, mt_message, status, submission
from schemas.record import Record, WireModel, json_object
from schemas.state import journal
from schemas.text import smart_encoding
from schemas.unchecked import encode, written_once

PRICES = st.decimals("0", "999999", places=6)
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2000, 1, 2), datetime(2199, 12, 30), timezones=OFFSETS).map(datetime.isoformat)  # noqa: DTZ001  # hypothesis adds the zone

# A JSON Schema cannot say which characters can be seen.
SEEN = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(lambda text: unseen(text) is None)


# The same texts as the general way finds, drawn in one piece and not character by character.
MATCHING = {
    "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$": st.uuids(allow_nil=True).map(str),
    "^[0-9a-f]{64}$": st.binary(min_size=32, max_size=32).map(bytes.hex),
    "^([0-9a-f]{2}){1,140}$": st.binary(min_size=1, max_size=140).map(bytes.hex),
}


@cache
def matching(pattern: str) -> st.SearchStrategy[str]:
    """Return texts that match a pattern whose `$` is the very end, as in pydantic and ECMAScript."""
    if pattern in MATCHING:
        return MATCHING[pattern]
    return st.from_regex(pattern.removesuffix("$") + r"\Z", fullmatch=True)


def from_schema(node: dict[str, Any], definitions: dict[str, Any], name: str = "") -> st.SearchStrategy[Any]:
    """Return JSON values that fit a JSON Schema as pydantic writes it."""
    if "$ref" in node:
        return from_schema(definitions[node["$ref"].rpartition("/")[2]], definitions)
    if "const" in node:
        return st.just(node["const"])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if "anyOf" in node and {"number", "string"} <= (kinds := {it.get("type") for it in node["anyOf"]}):
        prices = PRICES.map(str) | PRICES.map(float)
        return st.none() | prices if "null" in kinds else prices
    if name == "client_reference":
        return st.none() | SEEN
    if name == "callback_url":
        return st.sampled_from([None, "https://a.example/x?y=1", "http://[2001:db8::1]:8080/"])
    if name == "tags":
        return st.none() | st.lists(SEEN, max_size=4, unique=True)
    if "anyOf" in node:
        return st.one_of([from_schema(it, definitions) for it in node["anyOf"]])
    match node["type"]:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(node.get("minimum"), node.get("maximum"))
        case "number":
            low = node.get("minimum", node.get("exclusiveMinimum"))
            return st.floats(low, node.get("maximum"), exclude_min="exclusiveMinimum" in node, allow_nan=False)
        case "string" if node.get("format") == "date-time":
            return MOMENTS
        case "string" if node.get("format") == "date":
            return st.dates().map(date.isoformat)
        case "string" if "pattern" in node:
            return matching(node["pattern"]).filter(lambda it: len(it) <= node.get("maxLength", len(it)))
        case "string":
            text = st.text(st.characters(codec="utf-8"), max_size=min(node.get("maxLength", 40), 40))
            return text.filter(lambda it: len(it) >= node.get("minLength", 0))
        case "array":
            items = from_schema(node["items"], definitions)
            return st.lists(items, min_size=node.get("minItems", 0), max_size=min(node.get("maxItems", 4), 4))
        case "object" if "patternProperties" in node:
            ((pattern, value),) = node["patternProperties"].items()
            least = node.get("minProperties", 0)
            return st.dictionaries(
                matching(pattern), from_schema(value, definitions), min_size=least, max_size=least + 3
            )
        case "object" if "properties" not in node:
            value = from_schema(node["additionalProperties"], definitions)
            return st.dictionaries(st.text(max_size=9), value, max_size=min(node.get("maxProperties", 4), 4))
        case "object":
            values = {key: from_schema(it, definitions, key) for key, it in node["properties"].items()}
            return st.fixed_dictionaries(
                {key: values[key] for key in node.get("required", ())},
                optional={key: it for key, it in values.items() if key not in node.get("required", ())},
            )
    raise AssertionError(f"a schema that this test cannot read: {node}")


@cache
def allowed(record: type[Record]) -> st.SearchStrategy[Any]:
    """Return what a record's schema allows. Kept, for making it costs as much as all its examples."""
    schema = record.model_json_schema()
    return from_schema(schema, schema.get("$defs", {}))


def _with_texts(draw: st.DrawFn, asked: dict[str, Any]) -> None:
    """Give a submission what goes to each destination in one of the three ways in which that can be said."""
    way = draw(st.sampled_from(["one text", "own texts", "values"]))
    text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)
    asked["content"] = {"one text": draw(text), "own texts": None, "values": "{{a}}, {{b}}"}[way]
    for to in asked["destinations"]:
        to["content"] = draw(text) if way == "own texts" else None
        to["values"] = {"b": draw(text), "a": draw(text)} if way == "values" else None


@st.composite
def taken_from_allowed(draw: st.DrawFn, record: type[Record]) -> Any:
    """Return a record as it comes off a topic."""
    attributes = draw(allowed(record))
    # What a JSON Schema cannot say of a submission, nor of the part of one that waits.
    for asked in (attributes, attributes.get("message")):
        if asked is not None and "destinations" in asked:
            ids = [it["id"] for it in asked["destinations"] if it.get("id")]
            assume(len(ids) == len(set(ids)))
            _with_texts(draw, asked)
    return record.from_bytes(json.dumps(attributes, ensure_ascii=False).encode())


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
@settings(max_examples=50)
@given(data=st.data())
def test_what_the_schema_allows_makes_the_round_trip(record: type[Record], data: st.DataObject) -> None:
    """Read, written, read: equal, and written the second time byte for byte the same."""
    taken = data.draw(taken_from_allowed(record))
    value = taken.to_bytes()
    assert record.from_bytes(value) == taken
    assert record.from_bytes(value).to_bytes() == value
    assert record.from_bytes(json.dumps(json_object(taken)).encode()) == taken


UNCHECKED: dict[type[WireModel], Callable[..., Any]] = {
    callback.CallbackAttempt: callback.UncheckedCallbackAttempt,
    dlr.SegmentOutcome: fast.unchecked(dlr.SegmentOutcome),  # in statuses, of which others are written fast
    journal.JournalEntry: journal.UncheckedJournalEntry,
    mt_message.Alternative: mt_message.UncheckedAlternative,
    mt_message.MtMessage: mt_message.UncheckedMtMessage,
    mt_message.Segment: mt_message.UncheckedSegment,
    smart_encoding.TextChange: smart_encoding.UncheckedTextChange,
    status.MessageStatus: status.UncheckedMessageStatus,
    destination.Destination: destination.UncheckedDestination,
    submission.Submission: submission.UncheckedSubmission,
}


def unchecked(value: Any, *, once: bool) -> Any:
    """Return a record as what makes its bytes; with `once` all of its attributes are written before it is."""
    if isinstance(value, tuple):
        return tuple([unchecked(it, once=once) for it in value])
    if not isinstance(value, WireModel):
        return value
    values = {name: unchecked(it, once=once) for name, it in value if name != "schema_version"}
    if once:
        values = {name: it if it is None else written_once(it) for name, it in values.items()}
    return UNCHECKED[type(value)](**values)


@pytest.mark.parametrize("record", [it for it in UNCHECKED if issubclass(it, Record)], ids=lambda it: it.__name__)
@settings(max_examples=100)
@given(data=st.data(), once=st.booleans())
def test_the_fast_way_writes_what_the_model_writes(record: type[Record], data: st.DataObject, once: bool) -> None:
    """Byte for byte: every attribute, those that are absent, nested ones, and whatever a text may hold."""
    taken = data.draw(taken_from_allowed(record))
    assert encode(unchecked(taken, once=once)) == taken.to_bytes()


@pytest.mark.parametrize(("model", "fast"), UNCHECKED.items(), ids=lambda it: it.__name__)
def test_the_fast_way_wants_what_the_model_wants(model: type[WireModel], fast: Callable[..., Any]) -> None:
    """Who forgets a required attribute, or gives one that there is not, gets no record."""
    required = [name for name, it in model.model_fields.items() if it.is_required()]
    fast(**dict.fromkeys(required))
    for given_names in (required[1:], [*required, "unheard_of"]):
        with pytest.raises(TypeError):
            fast(**dict.fromkeys(given_names))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_records_are_frozen(record: type[Record]) -> None:
    """A record on its way through the steps is never changed in place."""
    assert record.model_config.get("frozen")
    assert record.model_config.get("strict")
