"""A connection on which nothing more is listened to, kept for a moment so that its last answer arrives.

Closing a socket with bytes that nobody has read resets the connection (RFC 1122 section 4.2.2.13), and a reset can
overtake the answer on its way (RFC 9112 section 9.6).
"""

import asyncio
from collections.abc import Callable
from typing import Final

SECONDS: Final = 2.0
MAX_BYTES: Final = 1_048_576  # of what is dropped; whoever sends on after that does not read


class Lingering(asyncio.Protocol):
    """Takes over a transport whose last answer has been written; `ended` is called with why it ended."""

    def __init__(self, transport: asyncio.Transport, ended: Callable[[BaseException | None], None]) -> None:
        self._transport = transport
        self._ended = ended
        self._left = MAX_BYTES
        self._timer = asyncio.get_running_loop().call_later(SECONDS, transport.abort)
        transport.set_protocol(self)
        transport.write_eof()

    def end(self) -> None:
        """End it at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Drop it."""
        self._left -= len(data)
        if self._left < 0:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the end."""
        self._timer.cancel()
        self._ended(exc)
