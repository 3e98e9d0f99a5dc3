"""Follows `sms.mt.status` for the messages that this panel sends itself, and only while it waits for one."""

from collections.abc import Sequence
from typing import Protocol

import structlog
from pydantic import ValidationError

from agents.panel.operations.sent_messages import SentMessages
from schemas.messages.status import MessageStatus
from schemas.record import InRecord

log = structlog.get_logger(__name__)

BEFORE_SECONDS = 10.0  # the clocks of panel and delivery may differ


class Follower(Protocol):
    """What is used of `TopicFollower`."""

    async def start(self) -> object:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect."""

    async def look_back(self, *, seconds: float) -> None:
        """Read from so long ago."""

    async def take(self) -> Sequence[InRecord]:
        """Return what comes next; nothing when nothing comes in time."""

    def pause(self) -> None:
        """Fetch nothing until the next `look_back`."""


class Statuses:
    """Tells `sent` what becomes of its messages. Everybody else's statuses cost a look at their key.

    `follower` is one of `sms.mt.status`.
    """

    def __init__(self, follower: Follower, sent: SentMessages) -> None:
        self._sent = sent
        self._follower = follower

    async def start(self) -> None:
        """Connect. Raises `BrokerUnreachable`, also when the topic does not exist."""
        await self._follower.start()

    async def follow(self) -> None:
        """Take statuses as they come, until cancelled; rest while no message waits for one."""
        while True:
            await self._sent.until_expected()
            # What was written from a moment before the message that is waited for was sent.
            await self._follower.look_back(seconds=BEFORE_SECONDS)
            while self._sent.expect_statuses:
                for record in await self._follower.take():
                    if (record.key or b"").decode(errors="replace") in self._sent:
                        self._note(record.value or b"")
            self._follower.pause()

    def _note(self, value: bytes) -> None:
        try:
            self._sent.note(MessageStatus.from_bytes(value))
        except ValidationError as error:
            log.error("status_unreadable", problems=error.error_count())

    async def stop(self) -> None:
        """Disconnect."""
        await self._follower.stop()
