"""What ingress answers with, as schemas of the OpenAPI document; its errors are the management API's, too."""

from typing import Any, Final

from schemas.labels import MAX_REFERENCE_LENGTH, MAX_TAG_LENGTH, MAX_TAGS
from schemas.mt_message import ENCODINGS
from schemas.status import CodeId, StatusName

Json = dict[str, Any]

LABELS: Final[Json] = {
    "client_reference": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_REFERENCE_LENGTH,
        "description": "What you call it; told wherever the message is told of. No character that cannot be seen.",
    },
    "tags": {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": MAX_TAG_LENGTH},
        "maxItems": MAX_TAGS,
        "uniqueItems": True,
        "description": "What it is counted among; likewise.",
    },
}
"""What a message is called, in requests and in answers."""


def schemas() -> Json:
    """Return what both APIs share, and what ingress answers."""
    to_number = {"destination": {"type": "string"}, **LABELS}
    return {
        "Sent": _sent({"type": "object", "properties": LABELS}, ["id", "type"]),
        "SentToNumber": _sent(
            {"type": "object", "properties": to_number, "required": ["destination"]}, ["id", "type", "attributes"]
        ),
        "Preview": _preview(),
        "Errors": {
            "type": "object",
            "properties": {
                "errors": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "properties": {
                            "title": {"type": "string"},
                            "detail": {"type": "string"},
                            "code": {"type": "string"},
                            "status": {"type": "string"},
                            "source": {
                                "type": "object",
                                "properties": {
                                    "pointer": {"type": "string"},
                                    "parameter": {"type": "string"},
                                    "header": {"type": "string"},
                                },
                            },
                            "meta": {"type": "object"},
                        },
                        "required": ["title", "detail", "code", "status"],
                        "additionalProperties": False,
                    },
                }
            },
            "required": ["errors"],
            "additionalProperties": False,
        },
    }


def _sent(attributes: Json, required: list[str]) -> Json:
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": "The message's id; callbacks have it too."},
            "type": {"const": "outbound_messages"},
            "attributes": attributes,
        },
        "required": required,
        "additionalProperties": False,
    }


def _preview() -> Json:
    attributes: Json = {
        "source": {"type": "string"},
        "destination": {"type": "string"},
        "encoding": {"enum": list(ENCODINGS.values())},
        "fragments": {"type": "integer", "minimum": 1, "description": "How many segments it would have."},
        "segments": {
            "type": "array",
            "minItems": 1,
            "items": _object(
                content={"type": "string"},
                length={"type": "integer", "description": "In septets of GSM-7 or 16 bits of UCS-2."},
            ),
        },
        "characters_left": {
            "type": "integer",
            "minimum": 0,
            "description": "How many more fit in the last segment, of those that count once.",
        },
        "outside_gsm7": {
            "type": "array",
            "description": "The characters that make the text UCS-2.",
            "items": _object(
                character={"type": "string"},
                code_point={"type": "string", "pattern": "^U\\+[0-9A-F]{4,6}$"},
                name={"type": "string"},
                indexes={"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}},
            ),
        },
        "sendable": {"type": "boolean"},
        "status": {"enum": [StatusName.ROUTING_ERROR.value, StatusName.FAILED.value, None]},
        "code_id": {"enum": [*map(int, CodeId), None]},
        "reason": {"type": ["string", "null"]},
        "price": {"type": ["number", "null"], "description": "Of all segments together."},
        "price_per_segment": {"type": ["number", "null"]},
        "currency": {"type": ["string", "null"]},
        "price_varies": {
            "type": "boolean",
            "description": "Routes of several prices share such messages; the one told takes most of them.",
        },
    }
    return _object(
        id={"type": "string", "format": "uuid", "description": "The same for the same question; no message has it."},
        type={"const": "outbound_message_previews"},
        attributes=_object(**attributes),
    )


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
