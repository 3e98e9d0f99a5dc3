"""The part of the OpenAPI document that is about ingress, which is another process on another port."""

from typing import Any, Final

from agents.panel.api.openapi.ingress_answers import LABELS, TIMING
from agents.panel.api.openapi.messages import bulk_attributes
from agents.serving.errors import MEDIA_TYPE
from pipeline.idempotency.keys import MAX_KEY_LENGTH
from pipeline.steps.admission.request import MAX_SOURCE_LENGTH
from schemas.address import SHORT_CODE_PATTERN
from schemas.identifiers import UUID_PATTERN
from schemas.messages.destination import MAX_CONTENT_LENGTH
from schemas.messages.submission import MAX_DESTINATIONS
from schemas.text.smart_encoding import SmartEncoding
from schemas.urls import MAX_URL_LENGTH

Json = dict[str, Any]

_NUMBER: Final[Json] = {
    "type": "string",
    "pattern": f"^(?:{SHORT_CODE_PATTERN}|[1-9][0-9]{{6,14}})$",
    "description": "International format: country code first, no plus. Or a short code, where a route takes them.",
}
_SMART_ENCODING: Final[Json] = {
    "enum": [*(it.value for it in SmartEncoding), None],
    "description": "What may be changed of the text so that it takes fewer segments; else its trunk says.",
}
_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "description": "Makes it safe to send the request again within 24 hours: it is the same message.",
}
_TRACE: Final[list[Json]] = [
    {
        "name": "traceparent",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "The trace that the message belongs to (W3C Trace Context): its callbacks carry it on. What is "
        "no trace context is ignored.",
    },
    {
        "name": "tracestate",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "What goes along with it, 512 characters at most.",
    },
]
_REPLAYED: Final[Json] = {
    "schema": {"const": "true"},
    "description": "There when the request repeats an earlier one with the same Idempotency-Key.",
}
_RATE_LIMITS: Final[Json] = {
    "RateLimit-Policy": {
        "schema": {"type": "string", "examples": ['"trunk";q=20;w=1']},
        "description": "There when the trunk or its account has a limit of requests per second: q in w seconds.",
    },
    "RateLimit": {
        "schema": {"type": "string", "examples": ['"trunk";r=19;t=1']},
        "description": "Likewise: r requests are left, and in t seconds there is at least one more.",
    },
}
_RETRY_AFTER: Final[Json] = {
    "Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."}
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
    429: "Too many requests for a limit of the trunk or its account, too many messages of this trunk wait for the "
    "broker, or too many connections come from this address",
    431: "The head is too large",
    501: "A transfer coding other than chunked",
    503: "The broker has not acknowledged in time; `meta.id` names a message that is in doubt",
}
_PREVIEW_ERRORS: Final = {status: words for status, words in _ERRORS.items() if status != 409} | {
    429: "Too many requests for a limit of the trunk or its account, or too many connections come from this address",
    503: "Too many connections",
}


_CANCELLATION_ERRORS: Final = {
    status: words for status, words in _ERRORS.items() if status in (401, 406, 414, 417, 429, 431, 501, 503)
} | {404: "The path does not end with an id", 503: "It could not be stored: ask again"}


def paths() -> Json:
    """Return the two ways to send, the two to cancel, and the one to ask before."""
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
                "Send one text to many, or a text to each",
                "bulk_outbound_messages",
                {"type": "array", "items": _NUMBER, "minItems": 1, "maxItems": MAX_DESTINATIONS},
                {"type": "array", "items": {"$ref": "#/components/schemas/SentToNumber"}},
            ),
        },
        "/outbound_messages/{id}": {
            "servers": server,
            "delete": _cancellation("cancel_message", "Cancel a message that no carrier has yet", "Canceling"),
        },
        "/bulk_outbound_messages/{id}": {
            "servers": server,
            "delete": _cancellation("cancel_messages", "Cancel all of a scheduled bulk", "CancelingBulk"),
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


def _cancellation(identity: str, summary: str, answer: str) -> Json:
    content = {
        MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "properties": {"data": {"$ref": f"#/components/schemas/{answer}"}},
                "required": ["data"],
                "additionalProperties": False,
            }
        }
    }
    return {
        "operationId": identity,
        "summary": summary,
        "tags": ["ingress"],
        "security": [{"trunk": []}],
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": UUID_PATTERN}}
        ],
        "responses": {
            "202": {
                "description": "Somebody will see to it: the final status, `Canceled` or another, tells who was first.",
                "content": content,
            },
            **{
                str(status): {
                    "description": description,
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Errors"}}},
                }
                for status, description in _CANCELLATION_ERRORS.items()
            },
        },
    }


def _operation(identity: str, summary: str, kind: str, destination: Json, data: Json, *, sends: bool = True) -> Json:
    attributes: Json = {
        "type": "object",
        "properties": {
            "destination": destination,
            "source": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_SOURCE_LENGTH,
                "description": "A P2P-enabled DID of the account the trunk may use, or a sender registered for it.",
            },
            "content": {"type": "string", "minLength": 1, "maxLength": MAX_CONTENT_LENGTH},
            **{name: schema | {"type": [schema["type"], "null"]} for name, schema in (LABELS | TIMING).items()},
            "smart_encoding": _SMART_ENCODING,
            "callback_url": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": MAX_URL_LENGTH,
                "description": "Where the message's callbacks go in place of the trunk's Callback URL.",
            },
            "campaign_id": {
                "type": ["string", "null"],
                "pattern": UUID_PATTERN,
                "description": "It belongs to this campaign.",
            },
        },
        "required": ["destination", "source", "content"],
        "additionalProperties": False,
    }
    if destination is not _NUMBER:
        attributes = bulk_attributes(attributes, _NUMBER)
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
    members: Json = {"data": data}
    if kind == "bulk_outbound_messages":
        members["meta"] = {
            "type": "object",
            "properties": {"bulk_id": {"type": "string", "format": "uuid"}},
            "description": "There for a bulk that is scheduled: what all of it is cancelled by.",
        }
    answer = {"type": "object", "properties": members, "required": ["data"], "additionalProperties": False}
    content = {MEDIA_TYPE: {"schema": answer}}
    responses: Json = {
        str(status): {
            "description": description,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Errors"}}},
        }
        for status, description in (_ERRORS if sends else _PREVIEW_ERRORS).items()
    }
    responses["429"]["headers"] = _RETRY_AFTER | _RATE_LIMITS
    if sends:
        responses["201"] = {
            "description": "The broker has the message: it will get one final status.",
            "headers": {"Idempotency-Replayed": _REPLAYED} | _RATE_LIMITS,
            "content": content,
        }
    else:
        responses["200"] = {
            "description": "Nothing was sent, and nothing written.",
            "headers": _RATE_LIMITS,
            "content": content,
        }
    return {
        "operationId": identity,
        "summary": summary,
        "tags": ["ingress"],
        "security": [{"trunk": []}],
        **({"parameters": [_KEY, *_TRACE]} if sends else {}),
        "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": body, "example": example}}},
        "responses": responses,
    }
