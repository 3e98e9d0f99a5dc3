"""An SMSC that speaks as much SMPP 3.4 as Kannel needs: it takes what is submitted and reports it as delivered."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

from gsm0338 import Codec

from schemas.messages.mt_message import DataCoding

_HEADER: Final = struct.Struct(">IIII")  # length, command, status, sequence number (section 3.2)
_RESPONSE: Final = 0x8000_0000
_SUBMIT, _DELIVER, _UNBIND, _ENQUIRE = 0x04, 0x05, 0x06, 0x15
_BINDS: Final = (0x01, 0x02, 0x09)
_PAYLOAD: Final = 0x0424

UDHI: Final = 0x40  # esm_class: a user data header comes first (SMPP 3.4 section 5.2.12)
LONG: Final = ("Grüße {aus} Köln: 100 € für @alle! " * 12)[:400]
"""Three segments in GSM-7."""
EMOJI: Final = "Привет 😀 – “quoted” & {braces}\n" * 3
"""Two segments in UCS-2."""


class Submitted(NamedTuple):
    """One submit_sm, as far as a handset would see it."""

    source: str
    destination: str
    esm_class: int
    registered_delivery: int
    data_coding: int
    short_message: bytes


class Smsc:
    """The SMSC; `submitted` is in the order of arrival, which need not be the order of handing over to Kannel."""

    def __init__(self) -> None:
        self.port = 0
        self.submitted: list[Submitted] = []
        self.is_bound = False
        self._sequence = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        self._writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length, command, _, sequence = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                body = await reader.readexactly(length - _HEADER.size)
                self._answer(writer, command, sequence, body)
                await writer.drain()

    def _answer(self, writer: asyncio.StreamWriter, command: int, sequence: int, body: bytes) -> None:
        if command in _BINDS:
            self.is_bound = True
            self._write(writer, command | _RESPONSE, sequence, b"smsc\0")
        elif command in (_ENQUIRE, _UNBIND):
            self._write(writer, command | _RESPONSE, sequence, b"")
        elif command == _SUBMIT:
            message = _read(body)
            self.submitted.append(message)
            identity = f"{len(self.submitted):x}"
            self._write(writer, command | _RESPONSE, sequence, identity.encode() + b"\0")
            if message.registered_delivery & 1:
                self._deliver(writer, identity, message)

    def _deliver(self, writer: asyncio.StreamWriter, identity: str, of: Submitted) -> None:
        text = (
            f"id:{identity} sub:001 dlvrd:001 submit date:2611221900 done date:2611221901 stat:DELIVRD err:000 text:x"
        ).encode()
        body = b"\0" + b"\x01\x01" + of.destination.encode() + b"\0" + b"\x01\x01" + of.source.encode() + b"\0"
        body += bytes((0x04, 0, 0)) + b"\0\0" + bytes((0, 0, 0, 0, len(text))) + text
        self._sequence += 1
        self._write(writer, _DELIVER, self._sequence, body)

    @staticmethod
    def _write(writer: asyncio.StreamWriter, command: int, sequence: int, body: bytes) -> None:
        writer.write(_HEADER.pack(_HEADER.size + len(body), command, 0, sequence) + body)

    async def close(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()


def _text(body: bytes, at: int) -> tuple[str, int]:
    end = body.index(b"\0", at)
    return body[at:end].decode("latin-1"), end + 1


def _read(body: bytes) -> Submitted:
    """Read a submit_sm (section 4.4.1)."""
    _, at = _text(body, 0)
    source, at = _text(body, at + 2)
    destination, at = _text(body, at + 2)
    esm_class = body[at]
    _, at = _text(body, at + 3)
    _, at = _text(body, at)
    registered, _, coding, _, length = body[at : at + 5]
    message = body[at + 5 : at + 5 + length]
    rest = body[at + 5 + length :]
    while not length and len(rest) >= 4:
        tag, size = struct.unpack(">HH", rest[:4])
        if tag == _PAYLOAD:
            message = rest[4 : 4 + size]
        rest = rest[4 + size :]
    return Submitted(source, destination, esm_class, registered, coding, message)


def joined(submitted: Sequence[Submitted], coding: DataCoding) -> str:
    """Put segments together as a handset does, by what their headers say; fail where these do not fit together."""
    parts: dict[int, bytes] = {}
    references: set[bytes] = set()
    for it in submitted:
        assert (it.esm_class & UDHI, it.data_coding) == (UDHI, coding)
        header = it.short_message[:6]
        assert (header[:3], header[4]) == (b"\x05\x00\x03", len(submitted))
        references.add(header[3:4])
        parts[header[5]] = it.short_message[6:]
    assert len(references) == 1
    octets = b"".join(parts[n] for n in range(1, len(submitted) + 1))
    return str(Codec().decode(octets)[0]) if coding is DataCoding.GSM7 else octets.decode("utf-16-be")


@asynccontextmanager
async def running_smsc() -> AsyncIterator[Smsc]:
    """Run an SMSC on a free port."""
    smsc = Smsc()
    server = await asyncio.start_server(smsc.serve_client, "127.0.0.1", 0)
    smsc.port = server.sockets[0].getsockname()[1]
    try:
        yield smsc
    finally:
        server.close()
        await smsc.close()
        await server.wait_closed()
