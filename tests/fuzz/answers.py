"""Raw HTTP answers as hypothesis makes them up, and what a simple model makes of those that are well-formed.

The model never parses: it knows what it has put in, and where each part ends.
"""

from dataclasses import dataclass
from enum import Enum, auto

from hypothesis import strategies as st

MAX_ANSWER_BYTES = 2000
STATUSES = (200, 201, 202, 204, 299, 301, 304, 400, 404, 409, 410, 422, 429, 500, 502, 503, 599)
BODILESS = (204, 304)


class End(Enum):
    """What the peer does when it has said all it says."""

    STAYS = auto()
    CLOSES = auto()
    RESETS = auto()


class Framing(Enum):
    """What says where the body ends."""

    NOTHING = auto()
    LENGTH = auto()
    CHUNKS = auto()
    CONNECTION = auto()


@dataclass(frozen=True)
class Model:
    """What is known of a well-formed answer without reading it."""

    status: int
    body: bytes
    retry_after: str | None
    framing: Framing
    head_bytes: int
    """How many of the bytes are there once the final head is."""
    all_bytes: int


@dataclass(frozen=True)
class Script:
    """What a peer does with one request. `model` is None where nobody knows what comes of it."""

    said: bytes
    pieces: tuple[int, ...]
    """Lengths of what is written at once; the last of them goes on until the end."""
    end: End
    model: Model | None
    again: bytes = b""
    """Said over and over, for as long as anybody listens."""
    at_once: bool = False
    """Speak when the connection is made, and not when the request is there."""


_TOKEN = st.text("abcxyzABC!#$%&'*+.^_`|~0129-", min_size=1, max_size=12).map(str.encode)
_VALUE = st.lists(st.sampled_from([b"a", b"B", b"7", b"/", b";", b",", b"\xc3\xa9", b" b", b"\t=", b'"']), max_size=8)
_TEXT = st.binary(max_size=40) | st.sampled_from([b'{"id": "abc"}', b"{", b"ok", b"\r\n\r\n", b"0\r\n\r\n"])
_LARGE = st.integers(1000, 6000).map(lambda size: b"x" * size)
_SPECIAL = frozenset({b"retry-after", b"content-length", b"transfer-encoding", b"connection", b"upgrade"})


@st.composite
def _noise(draw: st.DrawFn, eol: bytes) -> bytes:
    lines = []
    for name in draw(st.lists(_TOKEN.filter(lambda it: it.lower() not in _SPECIAL), max_size=3)):
        value = b"".join(draw(_VALUE)).strip()
        fold = draw(st.sampled_from([b"", b"", b"", eol + b" ", eol + b"\t  "]))
        lines.append(
            b"%b:%b%b%b%b" % (name, draw(st.sampled_from([b"", b" ", b"  "])), value, fold and fold + b"f", eol)
        )
    return b"".join(lines)


@st.composite
def _chunks(draw: st.DrawFn, body: bytes) -> bytes:
    written = b""
    while body:
        size = draw(st.integers(1, len(body)))
        extension = draw(st.sampled_from([b"", b"", b";a", b";a=b", b' ;c="d"', b"  "]))
        written += b"%x%b\r\n%b\r\n" % (size, extension, body[:size])
        body = body[size:]
    return written + b"0\r\n" + draw(_noise(b"\r\n")) + b"\r\n"


@st.composite
def _well_formed(draw: st.DrawFn) -> tuple[bytes, Model]:
    eol = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"]))
    written = draw(st.sampled_from([b"", b"", b"\r\n"]))
    for interim in draw(st.lists(st.sampled_from([b"100 Continue", b"102", b"103 Early Hints"]), max_size=2)):
        written += b"HTTP/1.1 " + interim + eol + draw(_noise(eol)) + eol
    status = draw(st.sampled_from(STATUSES))
    old = draw(st.booleans()) and draw(st.booleans())
    written += b"HTTP/1.%d %d" % (0 if old else draw(st.sampled_from([1, 1, 1, 3])), status)
    written += draw(st.sampled_from([b"", b" ", b" OK", b" \xc3\xa9 fine"])) + eol + draw(_noise(eol))
    retry_after = draw(st.none() | st.sampled_from(["7", "0", "Sun, 06 Nov 1994 08:49:37 GMT", "soon"]))
    if retry_after is not None:
        written += b"rETRY-aFTER: " + retry_after.encode() + eol
    if draw(st.booleans()) and draw(st.booleans()):
        written += b"Connection: " + draw(st.sampled_from([b"close", b"keep-alive"])) + eol
    body, rest, framing = b"", b"", Framing.NOTHING
    if status not in BODILESS:
        body = draw(_TEXT | _LARGE)
        framing = draw(st.sampled_from([Framing.LENGTH, Framing.CHUNKS, Framing.CONNECTION]))
    if framing is Framing.LENGTH:
        for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
            written += b"Content-Length: %d%b" % (len(body), eol)
        rest = body
    elif framing is Framing.CHUNKS:
        written += b"Transfer-Encoding: chunked" + eol
        rest = draw(_chunks(body))
    elif framing is Framing.CONNECTION:
        rest = body
    written += draw(_noise(eol)) + eol
    return written + rest, Model(status, body, retry_after, framing, len(written), len(written) + len(rest))


_PIECES = st.lists(st.sampled_from([1, 1, 2, 3, 7, 20, 100, 1000]), max_size=8).map(tuple)


@st.composite
def well_formed(draw: st.DrawFn) -> Script:
    """An answer that a user agent takes, the first part of one, or one with more behind it."""
    said, model = draw(_well_formed())
    if draw(st.booleans()):
        said = said[: draw(st.integers(0, len(said)))]
    elif model.framing is not Framing.CONNECTION and draw(st.integers(0, 3)) == 0:
        more = draw(
            st.sampled_from([b"x", b"\r\n", b"HTTP/1.1 500 No\r\nRetry-After: 1\r\nContent-Length: 3\r\n\r\nxyz"])
        )
        return Script(said + more, (), draw(st.sampled_from(End)), model)  # at once: it cannot be the next one's answer
    return Script(said, draw(_PIECES), draw(st.sampled_from(End)), model)


_TOKENS = (
    b"\r", b"\n", b"\r\n", b"\x00", b" ", b"\t", b":", b";", b"0\r\n\r\n", b"-", b"f" * 20, b"9" * 25, b"\xff",
    b"Content-Length: 5\r\n", b"Content-Length : 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: x\r\n",
    b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: x\r\n", b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 101 S\r\n", b"HTTP/1.1 100 C\n\n", b"HTTP/2.0 200\r\n", b"RTSP/1.0 200 OK\r\n", b"<html>",
)  # fmt: skip


@st.composite
def ill_formed(draw: st.DrawFn) -> Script:
    """A well-formed answer with some of its bytes changed, or none at all."""
    said, _ = draw(_well_formed())
    for _ in range(draw(st.integers(1, 5))):
        at, length = draw(st.integers(0, len(said))), draw(st.integers(0, 30))
        part = draw(st.sampled_from(_TOKENS) | st.binary(max_size=4) | st.just(said[at : at + length]))
        said = said[:at] + part + said[at + draw(st.sampled_from([0, 0, 1, 2, length])) :]
    if draw(st.integers(0, 9)) == 0:
        said = draw(st.binary(max_size=100))
    return Script(said, draw(_PIECES), draw(st.sampled_from(End)), None, at_once=draw(st.integers(0, 9)) == 0)


@st.composite
def endless(draw: st.DrawFn) -> Script:
    """What never ends."""
    head = b"HTTP/1.1 200 OK\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    said, again = draw(
        st.sampled_from(
            [
                (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
                (b"", b"\r\n" * 500),
                (b"HTTP/1.1 ", b"2" * 999),
                (head, b"X: %b\r\n" % (b"y" * 999)),
                (head.replace(b"\r", b""), b"X: y\n" * 200),
                (head + b"X: y\r\n", b" z\r\n" * 200),
                (head + b"Content-Length: 99999999999\r\n\r\n", b"x" * 999),
                (head + b"\r\n", b"x" * 999),
                (chunked, b"1\r\nx\r\n" * 200),
                (chunked, b"1;%b\r\nx\r\n" % (b"y" * 999)),
                (chunked + b"5;", b"y" * 999),
                (chunked + b"1\r\nx\r\n0\r\n", b"X: %b\r\n" % (b"y" * 999)),
                (chunked + b"1\r\nx\r\n0\r\nX: y", b"\r\n z" * 200),
            ]
        )
    )
    return Script(said, draw(_PIECES), End.CLOSES, None, again)


SCRIPTS = st.lists(
    st.one_of(well_formed(), well_formed(), ill_formed(), ill_formed(), endless()), min_size=1, max_size=8
)
