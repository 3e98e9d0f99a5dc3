"""What counts as an answer: a table of raw ones, in one piece and byte by byte, and the budget for all of it."""

from collections.abc import Iterable
from typing import NamedTuple

import pytest

from pipeline.http.answer import MAX_BYTES_AROUND_BODY, Answer, AnswerReader, Unreadable

MAX_ANSWER_BYTES = 1000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


class Read(NamedTuple):
    """What came of some bytes."""

    answer: Answer | None
    unreadable: str = ""
    again: bool = False
    """Whether the connection can go on."""


def read(pieces: Iterable[bytes], *, ends: bool = True) -> Read:
    """Feed pieces to a reader until it has an answer; then the other side `ends`."""
    reader = AnswerReader(MAX_ANSWER_BYTES)
    reader.begin()
    try:
        for piece in pieces:
            if (answer := reader.feed(piece)) is not None:
                return Read(answer, again=reader.reusable)
        return Read(reader.end() if ends else None)
    except Unreadable as error:
        return Read(None, str(error))


def by_bytes(raw: bytes) -> Iterable[bytes]:
    return (raw[at : at + 1] for at in range(len(raw)))


# What a user agent takes. The last column: whether another request may follow on the same connection.
TAKEN = [
    # as it should be
    (LENGTH + b"\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", 304, b"", True),
    (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", 200, b"ok", True),
    (CHUNKED + b'2;a=b;c="d"\r\nok\r\n0;x\r\n\r\n', 200, b"ok", True),
    (CHUNKED + b"0002\r\nok\r\n000\r\nX: y\r\nRetry-After: 9\r\nZ: z\r\n\r\n", 200, b"ok", True),
    (LENGTH + b"Connection: close\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 02\r\n\r\nok", 200, b"ok", True),
    (LENGTH + b"X: \xe9\xff\r\n\r\nok", 200, b"ok", True),
    # nothing says how long it is: until the connection ends (RFC 9112 section 6.3)
    (b"HTTP/1.1 200 OK\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.0 200 OK\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.0 200 OK\r\n\r\n", 200, b"", False),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, x\r\n\r\n2\r\nok\r\n", 200, b"2\r\nok\r\n", False),
    # HTTP/1.0, kept alive where it says so, but never with a transfer coding (RFC 9112 section 6.1)
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", 200, b"ok", True),
    (CHUNKED.replace(b"1.1", b"1.0") + b"2\r\nok\r\n0\r\n\r\n", 200, b"ok", False),
    (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        200, b"ok", False,
    ),
    # a coding that not everybody reads alike: this answer, and none after it
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok", False),
    (CHUNKED[:-2] + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok", False),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked \r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok", True),
    # no reason phrase, or a strange one
    (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 200 \xc3\xa9t\xc3\xa9\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
    # interim answers (RFC 9110 section 15.2)
    (b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH + b"\r\nok", 200, b"ok", True),
    (
        b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\nRetry-After: 5\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + LENGTH + b"\r\nok",
        200, b"ok", True,
    ),
    (b"HTTP/1.1 100 C\r\nContent-Length: 5\r\n\r\n" + LENGTH + b"\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 100 C\r\nConnection: close\r\n\r\n" + LENGTH + b"\r\nok", 200, b"ok", False),
    (b"HTTP/1.1 100 C\n\n" + LENGTH + b"\r\nok", 200, b"ok", False),
    (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 101, b"", False),
    # empty lines before the status line
    (b"\r\n\n" + LENGTH + b"\r\nok", 200, b"ok", True),
    # white space after a chunk's size
    (CHUNKED + b"2 \r\nok\r\n0  \r\n\r\n", 200, b"ok", True),
    (CHUNKED + b"2 ;a=b\r\nok\r\n0\r\n\r\n", 200, b"ok", True),
    # folded lines (RFC 9112 section 5.2), also in trailers
    (LENGTH + b"X: a\r\n b\r\n\r\nok", 200, b"ok", False),
    (LENGTH + b"X: a\r\n\t b\r\n  c\r\nY: d\r\n\r\nok", 200, b"ok", False),
    (LENGTH + b"X: a\r\n \r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok", False),
    (CHUNKED + b"2\r\nok\r\n0\r\nX: y\r\n z\r\n\r\n", 200, b"ok", True),
    # lines that end with LF (RFC 9112 section 2.2), all or some of them
    (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"ok", False),
    (b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    (LENGTH + b"\nok", 200, b"ok", False),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.0 200 OK\n\nok", 200, b"ok", False),
    (b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\r\nok\r\n0\r\n\r\n", 200, b"ok", False),
    # the same length more than once (RFC 9112 section 6.3)
    (LENGTH + b"content-length: 2\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", 200, b"ok", False),
    (LENGTH + b"Content-Length: 2,2 , 2\r\n\r\nok", 200, b"ok", False),
    # white space around the parts of the status line (RFC 9112 section 4), and before a colon
    (b"HTTP/1.1  200\t OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    (LENGTH + b"X : y\r\n\r\nok", 200, b"ok", False),
    # a minor version that nobody has heard of (RFC 9110 section 2.5)
    (b"HTTP/1.7 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    # a status outside 100 to 599 is one that nobody knows (RFC 9110 section 15)
    (b"HTTP/1.1 000 Zero\r\nContent-Length: 2\r\n\r\nok", 0, b"ok", True),
    (b"HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok", 99, b"ok", True),
    (b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok", 999, b"ok", True),
]  # fmt: skip

# What could be read in two ways, or is no HTTP.
REFUSED = [
    # two lengths (request smuggling, response splitting)
    LENGTH + b"Content-Length: 3\r\n\r\nok",
    LENGTH + b"Content-Length: 02\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2,\r\n\r\nok",
    LENGTH + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    CHUNKED[:-2] + b"Content-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    CHUNKED[:-2] + b"Content-Length:\n 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    # a length that is none
    *(
        b"HTTP/1.1 200 OK\r\nContent-Length:%b\r\n\r\nok" % length
        for length in (b"", b" +2", b" -2", b" 0x2", b" 2 2", b" 2x", b"\r\n 2\r\n 2", b" 99999999999999999999999")
    ),
    # a length, or a coding, that hides
    b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding\t: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n Content-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX: y\rContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\nX: a\x01b\nContent-Length: 2\n\nok",
    # header lines that are none
    LENGTH + b"garbage\r\n\r\nok",
    LENGTH + b": x\r\n\r\nok",
    LENGTH + b"X y: x\r\n\r\nok",
    LENGTH + b"X(: x\n\r\nok",
    # status lines that are none
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 2OO OK\r\n\r\n",
    b"HTTP/1.1200 OK\r\n\r\n",
    b"HTTP/1 200 OK\r\n\r\n",
    b"HTTP/1.10 200 OK\r\n\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"http/1.1 200 OK\r\n\r\n",
    b"XHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 O\rK\r\n\r\n",
    b"SSH-2.0-x\r\n\r\n",
    b"<html></html>\n\n",
    b"\x15\x03\x01\x00\x02\x02\x46\n\n",
    b"{}\r\n\r\n" + LENGTH + b"\r\nok",
    b"HTTP/1.1 100 C\n\nSSH-2.0-x\r\n\r\n",
    # nothing, or not all of a head
    b"",
    b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
]


@pytest.mark.parametrize(("raw", "status", "body", "again"), TAKEN)
def test_what_a_user_agent_takes(raw: bytes, status: int, body: bytes, again: bool) -> None:
    """However it is cut into pieces; only what can be read in one way lets another answer follow."""
    expected = Read(Answer(status, body, None), again=again)
    assert [read([raw]), read(by_bytes(raw))] == [expected, expected]


@pytest.mark.parametrize("raw", REFUSED)
def test_what_is_no_answer(raw: bytes) -> None:
    """However it is cut into pieces."""
    for found in (read([raw]), read(by_bytes(raw))):
        assert found.answer is None
        assert found.unreadable


@pytest.mark.parametrize(
    "broken", [b"zz\r\nok\r\n", b"-2\r\nok\r\n", b"0x2\r\n", b"\r\n", b"2\nok\n0\n\n", b"2;a\rb\r\n", b"2\r\nokk\r\n"]
)
def test_a_body_that_is_no_http_leaves_the_head(broken: bytes) -> None:
    """It says where it broke off; bare LF is for heads alone (RFC 9112 section 2.2)."""
    for found in (
        read([CHUNKED + broken]),
        read(by_bytes(CHUNKED + broken)),
        read([CHUNKED.replace(b"\r", b"") + broken]),
    ):
        assert found.answer is not None
        assert (found.answer.status, found.again) == (200, False)
        assert (found.answer.cut_short or "").startswith("not an HTTP answer")


def test_retry_after_may_be_folded() -> None:
    """The value is what the lines say together."""
    raw = b"HTTP/1.1 503 No\r\nRetry-After: Sun, 06 Nov 1994\r\n\t08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"
    assert read([raw]).answer == Answer(503, b"", "Sun, 06 Nov 1994 08:49:37 GMT")


@pytest.mark.parametrize(
    "surplus", [b"x", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
def test_what_comes_behind_an_answer_ends_the_connection(surplus: bytes) -> None:
    """It would be taken for the next request's answer."""
    for raw in (LENGTH + b"\r\nok", CHUNKED + b"2\r\nok\r\n0\r\n\r\n", LENGTH + b"\nok", LENGTH + b"\r\nok\r\n"):
        assert read([raw + surplus]) == Read(Answer(200, b"ok", None), again=False)


def test_one_reader_reads_one_answer_after_the_other() -> None:
    """Nothing of one is left in the next."""
    reader = AnswerReader(MAX_ANSWER_BYTES)
    wordy = (
        b"HTTP/1.1 503 No\r\nRetry-After: 9\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbad\r\n0\r\nX: y\r\n z\r\n\r\n"
    )
    for _ in range(2):
        reader.begin()
        assert reader.feed(wordy) == Answer(503, b"bad", "9")
        reader.begin()
        assert reader.feed(b"HTTP/1.1 204 No Content\r\n\r\n") == Answer(204, b"", None)
        assert reader.reusable
    reader.begin()
    assert reader.feed(LENGTH + b"X: a\r\n b\r\n\r\nok") == Answer(200, b"ok", None)
    assert not reader.reusable  # the leniency of trailers is not that of heads


# One budget for all of it.

KIB = 1024
BOMBS = [
    pytest.param(b"HTTP/1.1 ", b"0" * KIB, None, id="status line"),
    pytest.param(b"HTTP/1.1 200 ", b"O" * KIB, None, id="reason"),
    pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"y" * KIB, None, id="header line"),
    pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: %b\r\n" % (b"y" * KIB), None, id="header lines"),
    pytest.param(b"HTTP/1.1 200 OK\n", b"X: %b\n" % (b"y" * KIB), None, id="header lines that end with LF"),
    pytest.param(b"HTTP/1.1 200 OK\r\nX: y\r\n", b" %b\r\n" % (b"y" * KIB), None, id="folded lines"),
    pytest.param(b"", b"\r\n" * KIB, None, id="empty lines"),
    pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", None, id="interim answers"),
    pytest.param(b"", b"HTTP/1.1 100 Continue\n\n", None, id="interim answers that end with LF"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", b"x" * KIB, b"x", id="body"),
    pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", b"x" * KIB, b"x", id="body until the end"),
    pytest.param(CHUNKED, b"400\r\n%b\r\n" % (b"x" * KIB), b"x", id="chunks"),
    pytest.param(CHUNKED, b"1;%b\r\nx\r\n" % (b"y" * KIB), b"x", id="chunk extensions"),
    pytest.param(CHUNKED + b"2;", b"y" * KIB, b"", id="a chunk extension"),
    pytest.param(CHUNKED + b"2\r\nxx\r\n", b"0" * KIB, b"x", id="a chunk size"),
    pytest.param(CHUNKED + b"2\r\nxx\r\n0\r\n", b"X: %b\r\n" % (b"y" * KIB), b"x", id="trailers"),
    pytest.param(CHUNKED + b"2\r\nxx\r\n0\r\nX: ", b"y" * KIB, b"x", id="a trailer"),
    pytest.param(CHUNKED + b"2\r\nxx\r\n0\r\nX: y", b"\r\n z", b"x", id="folded trailers"),
]


@pytest.mark.parametrize(("begin", "again_and_again", "body"), BOMBS)
def test_what_never_ends_is_cut_at_the_budget(begin: bytes, again_and_again: bytes, body: bytes | None) -> None:
    """Whatever it is that does not end; where the head was there, it is an answer all the same."""
    reader = AnswerReader(MAX_ANSWER_BYTES)
    reader.begin()
    assert reader.feed(begin) is None
    pieces = (MAX_BYTES_AROUND_BODY + MAX_ANSWER_BYTES - len(begin)) // len(again_and_again) + 1

    def feed() -> Answer | None:
        return next((answer for _ in range(pieces) if (answer := reader.feed(again_and_again)) is not None), None)

    if body is None:
        with pytest.raises(Unreadable, match="too large"):
            feed()
    else:
        answer = feed()
        assert answer is not None
        assert (answer.status, answer.cut_short, set(answer.body)) == (200, None, set(body))
        assert len(answer.body) <= MAX_ANSWER_BYTES
    assert not reader.reusable


@pytest.mark.parametrize(("begin", "again_and_again", "body"), BOMBS)
def test_what_never_ends_is_cut_at_the_budget_in_one_piece_too(
    begin: bytes, again_and_again: bytes, body: bytes | None
) -> None:
    """What lies beyond the budget is not even looked at: an end there does not count."""
    bomb = begin + again_and_again * (200 * KIB // len(again_and_again))
    found = read([bomb + b"\r\n\r\n0\r\n\r\n" + LENGTH + b"\r\nok"])
    assert (found.answer is None) == (body is None)
    assert not found.again


def test_what_fits_into_the_budget_is_read() -> None:
    """Head and body together, to the last byte."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX: " % MAX_ANSWER_BYTES
    room = MAX_BYTES_AROUND_BODY - len(head) - len(b"\r\n\r\n")
    raw = head + b"y" * room + b"\r\n\r\n" + b"x" * MAX_ANSWER_BYTES
    assert read([raw]) == Read(Answer(200, b"x" * MAX_ANSWER_BYTES, None), again=True)
    assert read([raw, b"y"]).answer is not None
    too_much = raw.replace(b"X: ", b"X: y", 1)
    assert read([too_much], ends=False).answer == Answer(200, b"x" * (MAX_ANSWER_BYTES - 1), None)
