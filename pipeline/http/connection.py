"""One HTTP/1.1 connection to a carrier or an endpoint: one request at a time, and the truth about how it failed.

A request is `NotSent` only while none of its bytes has been given to the kernel; from then on one that brings no answer
is in doubt, whatever the kernel says later: a reset tells that the other side has closed, not what it had read before.
So whether the other side has hung up is asked before the request is written. What counts as an answer is
pipeline/http/answer.py's business.
"""

import asyncio
import select
from collections.abc import Callable

from pipeline.errors import InDoubt, NotSent
from pipeline.http.answer import Answer, AnswerReader, Unreadable


class Connection(asyncio.Protocol):
    """Made by the event loop; `ended` is called once, when the connection is lost."""

    def __init__(self, max_answer_bytes: int, ended: Callable[["Connection"], None]) -> None:
        self._ended = ended
        self._reader = AnswerReader(max_answer_bytes)
        self._transport: asyncio.Transport
        self._poll: Callable[[float], list[tuple[int, int]]]
        self._waiting: asyncio.Future[Answer] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        """Set for the deadline or before it, and left alone by most answers: the next request takes it over."""
        self.usable = True
        """Whether another request may be sent: the last answer was complete and nobody has closed."""

    def has_hung_up(self) -> bool:
        """Tell whether the kernel has something from the other side: its end, or what nobody has asked for.

        The event loop may not have come to it yet. Either way no request can be answered here. The connection must be
        `usable`.
        """
        return bool(self._poll(0))

    async def ask(self, request: bytes, deadline: float, loop: asyncio.AbstractEventLoop) -> Answer:
        """Send a request and return its answer, which has until `deadline` of the loop's time.

        Raises `NotSent` when the other side has hung up, else `InDoubt`.
        """
        if not self.usable:
            raise NotSent("the other side has closed the connection")
        waiting: asyncio.Future[Answer] = loop.create_future()
        self._waiting = waiting
        if self._timer is None or deadline < self._deadline:
            self._set_timer(deadline, loop)
        self._deadline = deadline
        self._reader.begin()
        self._transport.write(request)
        try:
            return await waiting
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """End it at once; a request that waits for its answer gets what there is of it, or is in doubt."""
        self.usable = False
        self._transport.abort()

    def _set_timer(self, at: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(at, self._time_is_up, loop)

    def _time_is_up(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._deadline > loop.time():
            self._set_timer(self._deadline, loop)
        else:
            self._give_up("no answer in time")

    def _tell(self, answer: Answer) -> None:
        # A server that answers before it has read everything would take the rest for the next request.
        if not self._reader.reusable or self._transport.get_write_buffer_size():
            self.close()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _fail(self, why: str) -> None:
        self.close()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(InDoubt(why))

    def _give_up(self, why: str) -> None:
        if self._waiting is None:
            return
        try:
            answer = self._reader.give_up(why)
        except Unreadable as error:
            self._fail(str(error))
        else:
            self._tell(answer)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = transport  # type: ignore[assignment]  # of a TCP or TLS connection it is a `Transport`
        poll = select.poll()
        poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self._poll = poll.poll

    def data_received(self, data: bytes) -> None:
        """Take in what has come."""
        if self._waiting is None:
            self.close()  # nobody has asked: it cannot be told what later answers would belong to
            return
        try:
            answer = self._reader.feed(data)
        except Unreadable as error:
            self._fail(str(error))
        else:
            if answer is not None:
                self._tell(answer)

    def eof_received(self) -> None:
        """Note the end of what the other side sends, which is also that of an answer without a length."""
        self.usable = False
        if self._waiting is None:
            return
        try:
            answer = self._reader.end()
        except Unreadable as error:
            self._fail(str(error))
        else:
            self._tell(answer)

    def connection_lost(self, error: Exception | None) -> None:
        """Note the end of the connection."""
        self.usable = False
        if self._timer is not None:
            self._timer.cancel()
        self._give_up(f"connection lost before the answer was complete: {error or 'closed by us'}")
        self._ended(self)
