"""What ingress answers with, as schemas of the OpenAPI document; its errors are the management API's, too."""

from typing import Any, Final

from schemas.messages.labels import MAX_REFERENCE_LENGTH, MAX_TAG_LENGTH, MAX_TAGS
from schemas.messages.mt_message import ENCODINGS
from schemas.messages.status import CodeId, StatusName
from schemas.messages.timing import MAX_VALIDITY_SECONDS, MIN_VALIDITY_SECONDS
from schemas.text.smart_encoding import MAX_CHANGES, ChangeStep, SmartEncoding

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


CHANGES: Final[Json] = {
    "text_changes": {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_CHANGES,
        "description": "What was changed of the text, wherever it stood; there where something was.",
        "items": {
            "type": "object",
            "properties": {
                "step": {"enum": [it.value for it in ChangeStep]},
                "before": {"type": "string"},
                "after": {"type": "string"},
                "count": {"type": "integer", "minimum": 1},
            },
            "required": ["step", "before", "after", "count"],
            "additionalProperties": False,
        },
    },
    "national_language": {
        "type": "string",
        "description": "Whose tables the text is written with in GSM-7; there where it is.",
    },
}
"""What has become of a text."""
TIMING: Final[Json] = {
    "send_at": {
        "type": "string",
        "format": "date-time",
        "description": "When it is to be sent, 1 minute to 35 days ahead; until then it can be cancelled.",
    },
    "validity_period": {
        "type": "integer",
        "minimum": MIN_VALIDITY_SECONDS,
        "maximum": MAX_VALIDITY_SECONDS,
        "description": "For how many seconds carriers may be tried; then it has failed.",
    },
}
"""When a message is sent, and how long that may take, in requests and in answers."""


def schemas() -> Json:
    """Return what both APIs share, and what ingress answers."""
    asked = {**LABELS, **TIMING}
    to_number = {"destination": {"type": "string"}, **asked}
    return {
        "Sent": _sent({"type": "object", "properties": asked}, ["id", "type"]),
        "SentToNumber": _sent(
            {"type": "object", "properties": to_number, "required": ["destination"]}, ["id", "type", "attributes"]
        ),
        "Canceling": _canceling("outbound_messages", "The message's id."),
        "CancelingBulk": _canceling("bulk_outbound_messages", "The bulk's id, from `meta.bulk_id` of its 201."),
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


def _canceling(kind: str, description: str) -> Json:
    return _object(
        id={"type": "string", "format": "uuid", "description": description},
        type={"const": kind},
    )


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
    further = _object(
        smart_encoding={"enum": [it.value for it in SmartEncoding if it is not SmartEncoding.OFF]},
        **{name: attributes[name] for name in ("encoding", "fragments", "price")},
    )
    further["properties"] |= CHANGES
    shown = _object(**attributes)
    shown["properties"] |= CHANGES | {
        "with_smart_encoding": further
        | {"description": "What more of smart encoding would make of it, where the request speaks of that."}
    }
    return _object(
        id={"type": "string", "format": "uuid", "description": "The same for the same question; no message has it."},
        type={"const": "outbound_message_previews"},
        attributes=shown,
    )


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
