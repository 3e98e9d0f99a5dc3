"""What a bulk request may hold: one text for many numbers, or messages that differ in more than their numbers."""

from typing import Any

from agents.panel.api.openapi.ingress_answers import LABELS
from schemas.messages.destination import MAX_CONTENT_LENGTH
from schemas.messages.submission import MAX_DESTINATIONS
from schemas.text.template import MAX_VALUES, NAME_PATTERN

Json = dict[str, Any]


def bulk_attributes(one_text: Json, number: Json) -> Json:
    """Return the ways to send to many, of which `one_text` is the first; `number` is what a destination is."""
    shared = {name: it for name, it in one_text["properties"].items() if name not in ("destination", "content")}
    reference = LABELS["client_reference"] | {
        "type": ["string", "null"],
        "description": "What you call this message, in place of what the request says for all.",
    }
    text = {"type": "string", "minLength": 1, "maxLength": MAX_CONTENT_LENGTH}
    values = {
        "type": ["object", "null"],
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": {"type": "string"},
        "maxProperties": MAX_VALUES,
        "description": "What stands in the places of the content: a value for each name, and for no other.",
    }
    with_texts = _messages(destination=number, content=text, client_reference=reference)
    with_values = _messages(destination=number, values=values, client_reference=reference)
    content = text | {"description": "A text for all, with places where they differ: `{{name}}`."}
    return {
        "oneOf": [
            one_text | {"title": "One text"},
            _object({"messages": with_texts, **shared}, ["messages", "source"]) | {"title": "A text for each"},
            _object({"messages": with_values, "content": content, **shared}, ["messages", "content", "source"])
            | {"title": "Values for each"},
        ]
    }


def _messages(**properties: Json) -> Json:
    required = ["destination", *(["content"] if "content" in properties else [])]
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_DESTINATIONS,
        "items": _object(properties, required),
        "description": "The messages; a number may be there several times.",
    }


def _object(properties: Json, required: list[str]) -> Json:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
