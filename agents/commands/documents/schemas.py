"""Documents for people and programs that read or write our topics, generated from the models.

docs/schemas/<name>.json  one JSON Schema (2020-12) per record
docs/asyncapi.yaml        every topic as an AsyncAPI 3.0 channel: key, value, configs, dead letters
docs/openapi.yaml         ingress and the management API as an OpenAPI 3.1 document
docs/metrics.md           every metric

`smsout schemas write` writes them; `smsout schemas check` fails and names each file that is not what the models say.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaValue

from agents.commands.documents.metrics import metrics_document
from schemas.directory.audit import AuditEvent
from schemas.directory.entry import KINDS, DirectoryEntry
from schemas.headers.dead_letter import PREFIX, DeadLetterSource
from schemas.headers.trace import TRACEPARENT, TRACESTATE
from schemas.messages.callback import CallbackAttempt, WaitingNotification
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.dlr import ExpectedReceipt, SegmentReceipt, UnmatchedReceipt
from schemas.messages.mt_message import MtMessage, WaitingMessage
from schemas.messages.status import MessageStatus
from schemas.messages.submission import SUBMISSIONS, Submission
from schemas.opt_out import OptOut
from schemas.record import Record
from schemas.state.announced import Announcement
from schemas.state.day_count import DayCount
from schemas.state.deferred import Deferred
from schemas.state.journal import JournalEntry
from schemas.state.remembered import Remembered
from schemas.state.roll_up import Match, RollUp
from schemas.state.screening import Screening
from schemas.topics import CANCEL_REQUESTED, DIRECTORY, SUBMITTED, Topic, catalogue

ROOT: Final = Path(__file__).resolve().parents[3]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_FORMAT: Final = "application/schema+json;version=draft-2020-12"

# Partitions and replicas belong to an installation; the document names their settings instead of a number.
_DOCUMENTED_PARTITIONS: Final = 4

RECORDS: Final[tuple[type[Record], ...]] = (
    Submission, CancelRequest, Deferred, MtMessage, MessageStatus, WaitingMessage, WaitingNotification,
    CallbackAttempt, JournalEntry,
    SegmentReceipt, RollUp, ExpectedReceipt, UnmatchedReceipt, Match,
    *KINDS.values(), AuditEvent, OptOut, Remembered, Announcement, DayCount, Screening,
)  # fmt: skip

app = typer.Typer(help="Generated documents: JSON Schemas and the AsyncAPI document.", no_args_is_help=True)


def document_name(record: type[Record]) -> str:
    """Return the name of a record's schema file without its ending, `MtMessage` as `mt-message`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", record.__name__).lower()


def _file(schema: JsonSchemaValue, name: str) -> JsonSchemaValue:
    return {"$schema": DIALECT, "$id": f"urn:smsout:schema:{name}:v1", **schema}


def json_schemas() -> dict[str, JsonSchemaValue]:
    """Return every JSON Schema by its name; `submitted` is what the public topic takes, one submission or an array."""
    schemas = {name: _file(record.model_json_schema(), name) for record in RECORDS for name in [document_name(record)]}
    array = SUBMISSIONS.json_schema()
    definitions = array.pop("$defs")
    one = {"$ref": "#/$defs/Submission"}
    schemas["submitted"] = _file(
        {
            "$defs": definitions,
            "title": "Value of a record of " + SUBMITTED,
            "description": "One submission, or an array of up to 1000.",
            "anyOf": [one, array],
        },
        "submitted",
    )
    entry = TypeAdapter(DirectoryEntry).json_schema()
    schemas["directory-entry"] = _file(
        {
            "title": "Value of a record of " + DIRECTORY,
            "description": "Which entry it is, the part of the key before the colon says.",
            **entry,
        },
        "directory-entry",
    )
    return schemas


def _value_schema(topic: Topic) -> str:
    """Return the name of the schema of a topic's values."""
    if topic.name == SUBMITTED:
        return "submitted"
    if topic.name == DIRECTORY:
        return "directory-entry"
    assert isinstance(topic.value, type)  # noqa: S101  # narrows; the catalogue's other values are models
    assert issubclass(topic.value, Record)  # noqa: S101  # same
    return document_name(topic.value)


def _dead_letter_headers() -> JsonSchemaValue:
    meanings = {
        "topic": "Topic of the refused record.",
        "partition": "Its partition.",
        "offset": "Its offset.",
        "timestamp_ms": "Its timestamp, in milliseconds since 1970.",
        "stage": "The step or edge that refused it.",
        "reason": "A stable code for why.",
        "detail": "The same for people; never message text.",
        "element": "Index of the refused submission in the record's array; absent when the whole record was refused.",
        "first_offset": "There when the letter stands for all records from this offset on.",
        "value_size": "There when the value is cut or left out: how many bytes it had.",
        "key_size": "There when the key is cut: how many bytes it had.",
        "headers_left_out": "There when headers are left out: how many.",
    }
    fields = DeadLetterSource._fields
    return {
        "type": "object",
        "description": "Beside the refused record's own headers. Every value is text in UTF-8.",
        "properties": {
            PREFIX + name.replace("_", "-"): {"type": "string", "description": meanings[name]} for name in fields
        },
        "required": [
            PREFIX + name.replace("_", "-") for name in fields if name not in DeadLetterSource._field_defaults
        ],
    }


def _trace_headers() -> JsonSchemaValue:
    said = "The trace that the record belongs to (W3C Trace Context); `traceparent.3` that of element 3 of its array."
    return {
        "type": "object",
        "description": "None is needed, and what is no trace context is ignored.",
        "properties": {
            TRACEPARENT: {"type": "string", "description": said},
            TRACESTATE: {"type": "string", "description": "What goes along with it."},
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    message = "dead-letter" if topic.value is None else _value_schema(topic)
    about = [
        topic.description + ".",
        "Public: open to producers and consumers outside this system."
        if topic.public
        else "Internal: may change with any version.",
    ]
    if topic.dead_letter:
        about.append(f"What cannot be read or finished goes to {topic.dead_letter}.")
    per_installation = topic.partitions == _DOCUMENTED_PARTITIONS
    return {
        "address": topic.name,
        "description": " ".join(about),
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {
            "kafka": {
                "bindingVersion": "0.5.0",
                "topic": topic.name,
                **({} if per_installation else {"partitions": topic.partitions}),
                "topicConfiguration": {
                    "cleanup.policy": topic.cleanup.split(","),
                    "retention.ms": topic.retention_ms,
                    "max.message.bytes": int(topic.configs()["max.message.bytes"]),
                },
            }
        },
        "x-key": topic.key,
        "x-public": topic.public,
        "x-partitions": "SMSOUT_TOPICS_PARTITIONS" if per_installation else topic.partitions,
        "x-timestamps": topic.configs()["message.timestamp.type"],
        **({"x-dead-letter": topic.dead_letter} if topic.dead_letter else {}),
    }


def asyncapi(version: str) -> dict[str, Any]:
    """Return the AsyncAPI document of the installation with default delays, for smsout `version`."""
    topics = catalogue(_DOCUMENTED_PARTITIONS)
    schemas = json_schemas()
    key_of = {_value_schema(topic): topic.key for topic in topics if topic.value is not None}
    messages: dict[str, Any] = {
        name: {
            "name": name,
            "title": schemas[name]["title"],
            "contentType": "application/json",
            "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"./schemas/{name}.json"}},
            "bindings": {"kafka": {"bindingVersion": "0.5.0", "key": {"type": "string", "description": key}}},
        }
        for name, key in key_of.items()
    }
    messages["submitted"]["headers"] = _trace_headers()
    messages["dead-letter"] = {
        "name": "dead-letter",
        "title": "A refused record: its original key and value, byte for byte",
        "contentType": "application/octet-stream",
        "headers": _dead_letter_headers(),
    }
    operations: dict[str, Any] = {}
    for topic in topics:
        if topic.public:
            # AsyncAPI describes the application, so what others may write is what it receives.
            action = "receive" if topic.name in (SUBMITTED, CANCEL_REQUESTED) else "send"
            operations[f"{action}-{topic.name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": topic.description + ".",
            }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "smsout topics",
            "version": version,
            "description": "Every topic of the SMS pipeline. Generated from the models by `make schemas`.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": operations,
        "components": {"messages": messages},
    }


def _project_version() -> str:
    match = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    return match[1] if match else "unknown"


def documents() -> dict[str, str]:
    """Return the text of every generated file by its path below docs/."""
    # Imported here: other commands should not wait for the panel's code.
    from agents.panel.api.openapi.document import openapi

    texts = {
        f"schemas/{name}.json": json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for name, schema in json_schemas().items()
    }
    texts["asyncapi.yaml"] = "# Generated by `make schemas`; edit the models in schemas/ instead.\n" + yaml.safe_dump(
        asyncapi(_project_version()), sort_keys=True, allow_unicode=True, width=110
    )
    texts["openapi.yaml"] = "# Generated by `make schemas`; edit agents/panel/api instead.\n" + yaml.dump(
        openapi(), Dumper=_WithoutAnchors, sort_keys=True, allow_unicode=True, width=110
    )
    texts["metrics.md"] = metrics_document()
    return texts


class _WithoutAnchors(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """Write out what is there twice: no reader should have to follow anchors."""
        return True


def drift(docs: Path, expected: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the files below `docs`, one line for each: missing, different or no longer made."""
    found = {path.relative_to(docs).as_posix() for path in docs.glob("schemas/*.json")}
    problems = [f"{path}: no model makes it any more" for path in sorted(found - expected.keys())]
    for path, text in sorted(expected.items()):
        file = docs / path
        if not file.is_file():
            problems.append(f"{path}: missing")
        elif file.read_text(encoding="utf-8") != text:
            problems.append(f"{path}: differs from the models")
    return problems


Docs = Annotated[
    Path, typer.Option(help="Where the documents are.", file_okay=False, show_default="docs of this checkout")
]


@app.command()
def write(docs: Docs = ROOT / "docs") -> None:
    """Write all documents anew and remove schemas that no model makes any more."""
    texts = documents()
    (docs / "schemas").mkdir(parents=True, exist_ok=True)
    for path in docs.glob("schemas/*.json"):
        if path.relative_to(docs).as_posix() not in texts:
            path.unlink()
    for name, text in texts.items():
        (docs / name).write_text(text, encoding="utf-8")
    typer.echo(f"{len(texts)} documents in {docs}")


@app.command()
def check(docs: Docs = ROOT / "docs") -> None:
    """Exit with 1 and name each document that is not what the models say."""
    problems = drift(docs, documents())
    for problem in problems:
        typer.echo(f"{docs.name}/{problem}", err=True)
    if problems:
        typer.echo("run `make schemas` and commit what it writes", err=True)
        raise typer.Exit(1)
