"""What became of the messages that this panel sent: their statuses, as long as somebody may look."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from schemas.messages.status import MessageStatus, StatusStage

MAX_TRACKED: Final = 10_000
REFUSAL_SECONDS: Final = 10.0
"""How long the refusal of a message is waited for that is to be sent later."""
RECEIPT_SECONDS: Final = 3600.0
"""How long a success is followed for its receipt, which may take days: as long as somebody may look at the window."""


class Followed(NamedTuple):
    """A message that was sent, and its statuses so far; `send_at` of one that waits for its time."""

    trunk_id: str
    account_id: str
    statuses: list[MessageStatus]
    send_at: datetime | None


class SentMessages:
    """The latest messages that this panel sent and their statuses, by message id; the oldest make room.

    A message's first status is waited for at most `patience_seconds`: a submission may end as a dead letter, which has
    none. One whose receipts are awaited is followed on for an hour. `clock` gives seconds that only go forward.
    """

    def __init__(self, patience_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience_seconds
        self._clock = clock
        self._messages: OrderedDict[str, Followed] = OrderedDict()
        self._waited_for: dict[str, float] = {}  # until when
        self._someone_waits = asyncio.Event()

    def add(self, message_id: str, trunk_id: str, account_id: str, send_at: datetime | None = None) -> None:
        """Begin to follow a message, before it is sent: its status may be there before the answer to its sending.

        Of one that waits until `send_at` only a refusal comes soon; the log has what becomes of it later.
        """
        self._messages[message_id] = Followed(trunk_id, account_id, [], send_at)
        self._waited_for[message_id] = self._clock() + (self._patience if send_at is None else REFUSAL_SECONDS)
        while len(self._messages) > MAX_TRACKED:
            oldest, _ = self._messages.popitem(last=False)
            self._waited_for.pop(oldest, None)
        self._someone_waits.set()

    def forget(self, message_id: str) -> None:
        """Follow a message no longer: its sending has failed, and nobody has been told its id."""
        self._messages.pop(message_id, None)
        self._waited_for.pop(message_id, None)

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._messages

    def get(self, message_id: str) -> Followed | None:
        """Return what is known of a message."""
        return self._messages.get(message_id)

    def note(self, status: MessageStatus) -> None:
        """Take a status of a message that is followed; a repeated stage replaces what it said before.

        A producer chooses the ids of its messages: another trunk's status is none of this message's.
        """
        held = self._messages.get(status.message_id)
        if held is not None and held.trunk_id == status.trunk_id:
            statuses = [*(it for it in held.statuses if it.stage is not status.stage), status]
            held.statuses[:] = sorted(statuses, key=lambda it: it.stage is StatusStage.DELIVERY)
            if held.statuses[-1].receipts:
                self._waited_for[status.message_id] = self._clock() + min(self._patience, RECEIPT_SECONDS)
            else:
                self._waited_for.pop(status.message_id, None)

    def waits_for(self, message_id: str) -> bool:
        """Tell whether another status of a message is still waited for."""
        return self._waited_for.get(message_id, 0.0) > self._clock()

    @property
    def expect_statuses(self) -> bool:
        """Whether a message waits for one: otherwise nobody needs to read what becomes of messages."""
        now = self._clock()
        while self._waited_for:
            oldest, until = next(iter(self._waited_for.items()))
            if until > now:
                return True
            del self._waited_for[oldest]
        return False

    async def until_expected(self) -> None:
        """Return when a message waits for a status."""
        while not self.expect_statuses:
            self._someone_waits.clear()
            await self._someone_waits.wait()
