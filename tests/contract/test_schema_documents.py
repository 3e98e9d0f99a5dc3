"""The committed documents say what the models say, and what they say is true."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from agents.commands.documents.schemas import ROOT, app, document_name, documents, drift, json_schemas
from schemas.messages.submission import Submission
from schemas.record import Record
from schemas.topics import DEAD_LETTER_SUFFIX, catalogue
from tests.contract.golden_records import every_golden_record

DOCS = ROOT / "docs"


def test_the_committed_documents_are_what_the_models_say() -> None:
    """`make schemas` was run after the last change of a model."""
    assert drift(DOCS, documents()) == []


@pytest.mark.parametrize("name", json_schemas())
def test_each_schema_is_valid_json_schema(name: str) -> None:
    """The 2020-12 meta schema accepts it."""
    Draft202012Validator.check_schema(json.loads((DOCS / "schemas" / f"{name}.json").read_text()))


@every_golden_record
def test_golden_records_fit_their_schemas(record: type[Record], value: bytes) -> None:
    """The published schema accepts what is on the topics."""
    schema = json.loads((DOCS / "schemas" / f"{document_name(record)}.json").read_text())
    Draft202012Validator(schema).validate(json.loads(value))
    if record is Submission:
        validator = Draft202012Validator(json.loads((DOCS / "schemas" / "submitted.json").read_text()))
        validator.validate(json.loads(value))
        validator.validate([json.loads(value)] * 1000)
        assert not validator.is_valid([json.loads(value)] * 1001)
        assert not validator.is_valid([])


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"destinations": []},
        {"destinations": [{"address": "+13105557890"}]},
        {"destinations": [{"address": "13105557890"}] * 1001},
        {"content": ""},
        {"content": 5},
        {"schema_version": 2},
        {"trunk_id": "trunk"},
        {"source": ""},
    ],
    ids=str,
)
def test_the_submission_schema_refuses_what_the_model_refuses(change: dict[str, Any]) -> None:
    """A producer that validates against the schema learns of its mistake before Kafka does."""
    schema = json.loads((DOCS / "schemas" / "submission.json").read_text())
    validator = Draft202012Validator(schema)
    assert validator.is_valid(schema["examples"][0])
    assert not validator.is_valid({**schema["examples"][0], **change})
    with pytest.raises(ValueError, match="validation error"):
        Submission.from_bytes(json.dumps({**schema["examples"][0], **change}).encode())


def test_the_submission_examples_are_submissions() -> None:
    """What a producer copies from the document works."""
    examples = json.loads((DOCS / "schemas" / "submission.json").read_text())["examples"]
    assert len([Submission.from_bytes(json.dumps(example).encode()) for example in examples]) == 4


def test_every_attribute_of_a_submission_is_described() -> None:
    """The public record explains itself."""
    schema = json.loads((DOCS / "schemas" / "submission.json").read_text())
    everything = {**schema["properties"], **schema["$defs"]["Destination"]["properties"]}
    assert [name for name, it in everything.items() if "description" not in it and name != "schema_version"] == []


def _asyncapi() -> dict[str, Any]:
    document = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())
    assert isinstance(document, dict)
    return document


def test_the_asyncapi_channels_are_the_catalogue() -> None:
    """Every topic with its configs and where its refusals go, and no other."""
    channels = _asyncapi()["channels"]
    topics = {topic.name: topic for topic in catalogue(4)}
    assert topics.keys() == channels.keys()
    for name, topic in topics.items():
        assert topic.dead_letter == channels[name].get("x-dead-letter")
        assert topic.key == channels[name]["x-key"]
        assert topic.public == channels[name]["x-public"]
        assert topic.retention_ms == channels[name]["bindings"]["kafka"]["topicConfiguration"]["retention.ms"]


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    """Inside the document and to the schema files beside it."""

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            return [it for key, value in node.items() for it in ([value] if key == "$ref" else references(value))]
        return [it for value in node for it in references(value)] if isinstance(node, list) else []

    document = _asyncapi()
    found = references(document)
    assert len(found) > len(document["channels"])
    for reference in found:
        file, _, pointer = reference.partition("#")
        target: Any = document if not file else json.loads((DOCS / file).read_text())
        for part in pointer.split("/")[1:]:
            target = target[part]
        assert isinstance(target, dict)


def test_dead_letter_channels_describe_their_headers() -> None:
    """Whoever reads a dead letter finds every header named."""
    document = _asyncapi()
    names = [name for name in document["channels"] if name.endswith(DEAD_LETTER_SUFFIX)]
    assert names
    assert {"dead-letter"} == {message for name in names for message in document["channels"][name]["messages"]}
    headers = document["components"]["messages"]["dead-letter"]["headers"]
    assert {
        f"dead-letter-{name}"
        for name in (
            "topic", "partition", "offset", "timestamp-ms", "stage", "reason", "detail", "element",
            "first-offset", "value-size", "key-size", "headers-left-out",
        )
    } == headers["properties"].keys()  # fmt: skip
    assert "dead-letter-element" not in headers["required"]


def test_check_names_each_file_that_has_drifted(tmp_path: Path) -> None:
    """Changed, missing and left-over files are each named, and writing mends all of them."""
    runner = CliRunner()
    assert runner.invoke(app, ["write", "--docs", str(tmp_path)]).exit_code == 0
    assert runner.invoke(app, ["check", "--docs", str(tmp_path)]).exit_code == 0
    (tmp_path / "schemas" / "submission.json").write_text("{}")
    (tmp_path / "schemas" / "forgotten.json").write_text("{}")
    (tmp_path / "asyncapi.yaml").unlink()
    result = runner.invoke(app, ["check", "--docs", str(tmp_path)])
    assert result.exit_code == 1
    for problem in (
        "schemas/submission.json: differs",
        "schemas/forgotten.json: no model",
        "asyncapi.yaml: missing",
    ):
        assert problem in result.output
    assert "mt-message" not in result.output
    assert runner.invoke(app, ["write", "--docs", str(tmp_path)]).exit_code == 0
    assert runner.invoke(app, ["check", "--docs", str(tmp_path)]).exit_code == 0
