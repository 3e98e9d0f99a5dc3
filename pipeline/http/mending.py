"""An answer's head in one of the looser forms that a user agent takes becomes the strict one, or is refused.

What RFC 9112 lets a recipient read although a sender must not write it (sections 2.2, 4, 5.1, 5.2, 6.3): lines that end
with a bare LF, folded lines, the same Content-Length twice, white space around the parts of the status line or before a
colon, a minor version that is newer than ours. What could be read in two ways stays refused: whoever sits between us
and the other side might have read the other one (request smuggling, response splitting).

No socket and no parser here: bytes in, bytes out. What comes out goes through the strict parser as any other head does,
which refuses everything else that is wrong with it: two lengths that differ, control characters, a bare CR.
"""

import re
from typing import Final

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([0-9])[ \t]+([0-9]{3})(?:[ \t]+([^\x00\r]*))?")
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})


class Unmendable(ValueError):
    """A head that could be read in two ways, or in none; the message says why."""


def end_of_head(data: bytearray, start: int) -> int:
    """Return where the first empty line at or after `start` ends, -1 when there is none; lines end with LF or CRLF."""
    found = [end + len(mark) for mark in (b"\n\r\n", b"\n\n") if (end := data.find(mark, start)) >= 0]
    return min(found, default=-1)


def mended(head: bytes) -> bytes:
    """Return a head, from its status line to its empty line, as RFC 9112 has it written. Raises `Unmendable`."""
    first, *lines = [line.removesuffix(b"\r") for line in head.split(b"\n")]
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        raise Unmendable("the first line is no status line of HTTP/1")
    minor, code, reason = status.groups()
    fields = _with_one_length(_unfolded(lines))
    version = b"HTTP/1.0" if minor == b"0" else b"HTTP/1.1"
    return b"\r\n".join(
        [b"%b %b %b" % (version, code, reason or b""), *(b"%b: %b" % field for field in fields), b"", b""]
    )


def _unfolded(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        if not line:
            continue  # the empty line, and nothing behind its LF
        if line[0] in b" \t":
            if not fields:
                raise Unmendable("white space comes before the first header line")
            name, value = fields[-1]
            fields[-1] = name, (value + b" " + line.strip(b" \t")).strip(b" ")
            continue
        written, colon, value = line.partition(b":")
        name = written.rstrip(b" \t")
        if not colon or (name != written and name.lower() in _FRAMING):
            raise Unmendable("a header line has no colon, or white space where it hides the answer's length")
        fields.append((name, value.strip(b" \t")))
    return fields


def _with_one_length(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the fields with each length once (RFC 9112 section 6.3)."""
    lengths = {
        part.strip(b" \t") for name, value in fields if name.lower() == b"content-length" for part in value.split(b",")
    }
    others = [field for field in fields if field[0].lower() != b"content-length"]
    return [*others, *((b"Content-Length", length) for length in lengths)]
