"""Bytes become an answer: what counts as one, how much of it is read, and whether another may follow.

The only module that knows the HTTP parser (httptools, which is llhttp). The first attempt is strict; a head that llhttp
refuses is read once more in its looser forms (pipeline/http/mending.py), and then nothing may follow on the same
connection, so a mistake about where the answer ends cannot reach the next one.

One budget counts every byte from the first status line on: heads, interim answers, chunk extensions, trailers, body.
"""

from typing import Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from pipeline.http.mending import Unmendable, end_of_head, mended

MAX_BYTES_AROUND_BODY: Final = 65_536
"""What may come with a body: status lines and headers, interim answers (1xx), chunk sizes and trailers."""


class Answer(NamedTuple):
    """An answer's status, its body up to `max_answer_bytes`, and its `Retry-After`.

    `cut_short` says why the other side did not finish the body; it is None too where the rest was not read because it
    was too much.
    """

    status: int
    body: bytes
    retry_after: str | None
    cut_short: str | None = None


class Unreadable(Exception):
    """What came is no answer; the message says why."""


class AnswerReader:
    """Reads the answers that come over one connection, one after the other."""

    def __init__(self, max_answer_bytes: int) -> None:
        self._max_answer_bytes = max_answer_bytes
        self._parser = _parser_for(self)
        self._left = 0
        self._raw: list[bytes] = []
        """What came before the end of the head, in case it has to be read again."""
        self._lenient = False
        self._head = bytearray()
        """What has come of a head that is read leniently."""
        self._status = 0
        self._decided = False
        """Whether the head of a final answer is there."""
        self._retry_after: str | None = None
        self._framed = False
        self._coded = False
        self._complete = False
        self._body: bytes | bytearray = b""
        self.reusable = True
        """Whether what has been read leaves no doubt about where the next answer begins."""

    def begin(self) -> None:
        """Expect the next answer; the connection has to be `reusable`."""
        self._left = MAX_BYTES_AROUND_BODY + self._max_answer_bytes
        self._complete = False
        self._forget()

    def feed(self, data: bytes) -> Answer | None:
        """Take in what has come; return the answer once there is one.

        Raises `Unreadable` when none can come of it any more.
        """
        self._left -= len(data)
        if self._left < 0:
            data = data[: self._left]
        try:
            if self._lenient:
                self._feed_leniently(data)
            else:
                self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.reusable = False
        except (HttpParserError, Unmendable) as error:
            self.reusable = False
            if not self._complete and not self._reads_leniently(data):
                return self.give_up(f"not an HTTP answer: {error}")
        if self._complete:
            return self._answer()
        if self._left > 0 and (not self._decided or len(self._body) < self._max_answer_bytes):
            if not self._decided and not self._lenient:
                self._raw.append(data)
            return None
        self.reusable = False
        if not self._decided:
            raise Unreadable("the answer's head is too large")
        return self._answer()  # what is left unread is not worth waiting for

    def end(self) -> Answer:
        """Note that the other side sends no more. Raises `Unreadable`."""
        if self._decided and not self._framed:
            return self._answer()  # its end is the end of the connection (RFC 9112 section 6.3)
        return self.give_up("connection lost before the answer was complete: closed by the other side")

    def give_up(self, why: str) -> Answer:
        """Return what there is of an answer that does not go on. Raises `Unreadable` where its head is not there."""
        self.reusable = False
        if not self._decided:
            raise Unreadable(why)
        return self._answer()._replace(cut_short=why)

    def _answer(self) -> Answer:
        return Answer(self._status, bytes(self._body[: self._max_answer_bytes]), self._retry_after)

    def _forget(self) -> None:
        self._decided = False
        self._retry_after = None
        self._framed = False
        self._coded = False
        if self._raw:
            self._raw.clear()
        self._body = b""

    # The second attempt.

    def _reads_leniently(self, data: bytes) -> bool:
        """Read again what was refused as a head, `data` the last of it; False when that is no use."""
        if self._decided or self._lenient:
            return False
        raw = [*self._raw, data]
        self._forget()
        self._lenient = True
        try:
            for piece in raw:
                self._feed_leniently(piece)
        except HttpParserUpgrade:
            pass
        except (HttpParserError, Unmendable):
            return self._complete
        return True

    def _feed_leniently(self, data: bytes) -> None:
        """Mend heads until the answer's own; what follows it is the parser's."""
        head = self._head
        while data:
            if self._decided:
                self._parser.feed_data(data)
                return
            start = max(0, len(head) - 2)
            head += data if head else data.lstrip(b"\r\n")
            end = end_of_head(head, start)
            if end < 0:
                return
            data = bytes(head[end:])
            written = mended(bytes(head[:end]))
            head.clear()
            self._parser = _parser_for(self)  # one that has read an interim `Connection: close` would read no further
            self._parser.feed_data(written)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Refuse an answer that nobody has asked for."""
        if self._complete:
            raise Unreadable("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what is needed of the headers, and nothing of trailers (RFC 9110 section 6.5.1)."""
        length = len(name)
        if length == 11:
            if not self._decided and name.lower() == b"retry-after":
                self._retry_after = value.decode("latin-1")
        elif length == 14:
            if not self._decided and name.lower() == b"content-length":
                self._framed = True
        elif length == 17 and not self._decided and name.lower() == b"transfer-encoding":
            coding = value.lower().strip(b" \t")
            # Only the last coding says where the body ends (RFC 9112 section 6.3).
            self._framed = coding.rpartition(b",")[2].strip(b" \t") == b"chunked"
            if self._coded or coding != b"chunked":
                self.reusable = False
            self._coded = True

    def on_headers_complete(self) -> None:
        """Note the status of a final answer; an interim one (RFC 9110 section 15.2) only announces it."""
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            if not self._parser.should_keep_alive():
                self.reusable = False
            self._retry_after = None
            self._framed = False
            self._coded = False
            return
        self._status = status
        self._decided = True
        if self._coded:
            # Before HTTP/1.1 there were no transfer codings: the framing is not to be relied on (RFC 9112 section 6.1).
            if self._parser.get_http_version() == "1.0":
                self.reusable = False
            self._parser.set_dangerous_leniencies(lenient_headers=True)  # trailers may be folded

    def on_body(self, body: bytes) -> None:
        """Keep the body up to the limit."""
        if not self._body:
            self._body = body  # most come in one piece
        elif len(self._body) < self._max_answer_bytes:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += body

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        if not self._decided:
            return
        self._complete = True
        if not self._parser.should_keep_alive():
            self.reusable = False
        if self._coded:
            self._parser.set_dangerous_leniencies(lenient_headers=False)


def _parser_for(reader: AnswerReader) -> HttpResponseParser:
    parser = HttpResponseParser(reader)
    # Part of the grammar before a chunk extension, and harmless without one: some servers pad sizes with spaces.
    parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
    return parser
