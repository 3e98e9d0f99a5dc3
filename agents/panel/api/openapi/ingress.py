"""The part of the OpenAPI document that is about ingress, which is another process on another port."""

from typing import Any, Final

from agents.panel.api.openapi.ingress_answers import LABELS
from agents.serving.errors import MEDIA_TYPE
from pipeline.idempotency.keys import MAX_KEY_LENGTH
from pipeline.steps.admission import MAX_CONTENT_LENGTH, MAX_SOURCE_LENGTH
from schemas.submission import MAX_DESTINATIONS

Json = dict[str, Any]

_NUMBER: Final[Json] = {
    "type": "string",
    "pattern": "^[1-9][0-9]{6,14}$",
    "description": "International format: country code first, no plus.",
}
_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "description": "Makes it safe to send the request again within 24 hours: it is the same message.",
}
_REPLAYED: Final[Json] = {
    "schema": {"const": "true"},
    "description": "There when the request repeats an earlier one with the same Idempotency-Key.",
}
_ERRORS: Final[dict[int, str]] = {
    400: "Bad input; every problem is listed",
    401: "Wrong credentials, or an address that the trunk does not allow",
    406: "Accept leaves no form that the answer has",
    408: "The body did not arrive in time",
    409: "The Idempotency-Key belongs to another request",
    413: "The body is too large",
    414: "The request target is too long",
    415: "Another Content-Type",
    417: "An Expect header other than 100-continue",
    429: "Too many messages of this trunk wait for the broker, or too many connections come from this address",
    431: "The head is too large",
    501: "A transfer coding other than chunked",
    503: "The broker has not acknowledged in time; `meta.id` names a message that is in doubt",
}
_PREVIEW_ERRORS: Final = {status: words for status, words in _ERRORS.items() if status != 409} | {
    429: "Too many connections come from this address",
    503: "Too many connections",
}


def paths() -> Json:
    """Return the two ways to send, and the one to ask before."""
    server = [{"url": "http://127.0.0.1:8080", "description": "ingress"}]
    return {
        "/outbound_messages": {
            "servers": server,
            "post": _operation(
                "send_message", "Send a message", "outbound_messages", _NUMBER, {"$ref": "#/components/schemas/Sent"}
            ),
        },
        "/bulk_outbound_messages": {
            "servers": server,
            "post": _operation(
                "send_messages",
                "Send one text to many",
                "bulk_outbound_messages",
                {"type": "array", "items": _NUMBER, "minItems": 1, "maxItems": MAX_DESTINATIONS},
                {"type": "array", "items": {"$ref": "#/components/schemas/SentToNumber"}},
            ),
        },
        "/outbound_message_previews": {
            "servers": server,
            "post": _operation(
                "preview_message",
                "Tell what a message would become, and send nothing",
                "outbound_message_previews",
                _NUMBER,
                {"$ref": "#/components/schemas/Preview"},
                sends=False,
            ),
        },
    }


def _operation(identity: str, summary: str, kind: str, destination: Json, data: Json, *, sends: bool = True) -> Json:
    attributes = {
        "type": "object",
        "properties": {
            "destination": destination,
            "source": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_SOURCE_LENGTH,
                "description": "A P2P-enabled DID of the account that the trunk may use.",
            },
            "content": {"type": "string", "minLength": 1, "maxLength": MAX_CONTENT_LENGTH},
            **{name: schema | {"type": [schema["type"], "null"]} for name, schema in LABELS.items()},
        },
        "required": ["destination", "source", "content"],
        "additionalProperties": False,
    }
    body = {
        "type": "object",
        "properties": {
            "data": {
                "type": "object",
                "properties": {"type": {"const": kind}, "attributes": attributes},
                "required": ["type", "attributes"],
            }
        },
        "required": ["data"],
    }
    to = "15551234567" if destination is _NUMBER else ["15551234567", "13105557890"]
    example = {
        "data": {
            "type": kind,
            "attributes": {"destination": to, "source": "12125551234", "content": "Hello World!"},
        }
    }
    answer = {"type": "object", "properties": {"data": data}, "required": ["data"], "additionalProperties": False}
    content = {MEDIA_TYPE: {"schema": answer}}
    responses: Json = {
        str(status): {
            "description": description,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Errors"}}},
        }
        for status, description in (_ERRORS if sends else _PREVIEW_ERRORS).items()
    }
    if sends:
        responses["201"] = {
            "description": "The broker has the message: it will get one final status.",
            "headers": {"Idempotency-Replayed": _REPLAYED},
            "content": content,
        }
    else:
        responses["200"] = {"description": "Nothing was sent, and nothing written.", "content": content}
    return {
        "operationId": identity,
        "summary": summary,
        "tags": ["ingress"],
        "security": [{"trunk": []}],
        **({"parameters": [_KEY]} if sends else {}),
        "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": body, "example": example}}},
        "responses": responses,
    }
