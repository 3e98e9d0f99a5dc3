"""An error in the contract's shape (JSON:API), whichever server tells it, and whether or not there was a request."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

MEDIA_TYPE: Final = "application/vnd.api+json"

TITLES: Final = {
    100: "Continue",
    200: "OK",
    201: "Created",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    417: "Expectation Failed",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}
"""Reason phrases of RFC 9110 section 15 and RFC 6585, which are the errors' titles too."""


def member(status: int, detail: str) -> dict[str, Any]:
    """Return one error."""
    title = TITLES.get(status, TITLES[500] if status >= 500 else TITLES[400])
    return {"title": title, "detail": detail, "code": str(status), "status": str(status)}


def unasked(status: int, detail: str, retry_after_seconds: int) -> bytes:
    """Return a whole answer to a connection on which no request is read."""
    body = document([member(status, detail)])
    head = (
        f"HTTP/1.1 {status} {TITLES[status]}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
        f"Retry-After: {retry_after_seconds}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body


def document(members: Sequence[Mapping[str, Any]]) -> bytes:
    """Return errors as the body of an answer."""
    return json.dumps({"errors": members}, separators=(",", ":")).encode()
