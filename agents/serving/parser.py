"""How much a request's head may hold, and what of its body is still to come: aiohttp bounds single lines alone."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.http_parser import HttpRequestParser
from aiohttp.streams import StreamReader

MAX_TARGET_BYTES: Final = 8000
"""Of a request target: what everybody should take at least (RFC 9112 section 3)."""
MAX_HEADER_BYTES: Final = 8190
"""Of one header, name and value. Not the same as of a target: aiohttp's error tells only the number."""
MAX_HEADERS: Final = 100
MAX_HEAD_BYTES: Final = 32_768
"""Of all of it. Memory for heads that never end is bounded by this, and not by the number of headers."""

_TOO_MANY: Final = "Too many headers received"

_Fed = tuple[Sequence[Any], bool, bytes]
_feed: Final[Callable[[HttpRequestParser, bytes], _Fed]] = (
    HttpRequestParser.feed_data
)  # looked up once: it is every read


class HeadTooLarge(BadHttpMessage):
    """A head with more bytes than `MAX_HEAD_BYTES`."""


def head_problem(error: BaseException | None) -> tuple[int, str]:
    """Return status and detail for what the parser has said about a request that is none."""
    if isinstance(error, LineTooLong) and error.args[1] == MAX_TARGET_BYTES:
        return 414, f"the request target must not be longer than {MAX_TARGET_BYTES} bytes"
    if isinstance(error, LineTooLong | HeadTooLarge) or (isinstance(error, BadHttpMessage) and _TOO_MANY in str(error)):
        return 431, (
            f"the head must not be larger than {MAX_HEAD_BYTES} bytes, nor a header than {MAX_HEADER_BYTES}, "
            f"and not hold more than {MAX_HEADERS}"
        )
    return 400, "the request is not well-formed HTTP"


class RequestParser(HttpRequestParser):
    """aiohttp's parser with a bound for whole heads."""

    __slots__ = ("_body", "_head_bytes")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._body: StreamReader | None = None
        self._head_bytes = 0

    @property
    def unfinished_body(self) -> StreamReader | None:
        """The body that is still coming, if one is."""
        return None if self._body is None or self._body.is_eof() else self._body

    def feed_data(self, data: bytes) -> _Fed:  # type: ignore[override]  # as aiohttp's server calls it
        """Take in what has come. Raises `BadHttpMessage`."""
        found = _feed(self, data)
        if messages := found[0]:
            body = messages[-1][1]
            self._body = None if body.is_eof() else body
            self._head_bytes = 0
            if len(data) > MAX_HEAD_BYTES:
                for message, _ in messages:
                    _check(len(message.path) + sum(len(name) + len(value) for name, value in message.raw_headers))
        elif self._body is None:
            self._head_bytes += len(data)
            _check(self._head_bytes)
        elif self._body.is_eof():
            self._body = None
        return found


def _check(head_bytes: int) -> None:
    if head_bytes > MAX_HEAD_BYTES:
        raise HeadTooLarge("the head is too large")
