"""Statuses are read while a message of the panel's own waits for one, and at no other time."""

import asyncio
from collections.abc import Sequence

from agents.panel.operations.sent_messages import SentMessages
from agents.panel.statuses import Statuses
from schemas.messages.status import MessageStatus, StatusName, StatusStage
from schemas.record import InRecord
from tests.builders import LATER, uuid


class Follower:
    """A topic in memory: counts how often somebody reads, and gives out what is there then."""

    def __init__(self) -> None:
        self.records: list[InRecord] = []
        self.begun, self.reads, self.paused = 0, 0, False

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def look_back(self, *, seconds: float) -> None:
        self.begun, self.paused = self.begun + 1, False

    async def take(self) -> Sequence[InRecord]:
        self.reads += 1
        await asyncio.sleep(0)
        records, self.records = self.records, []
        return records

    def pause(self) -> None:
        self.paused = True


def record(message_id: str) -> InRecord:
    status = MessageStatus(
        message_id=message_id, trunk_id=uuid(11), stage=StatusStage.PROCESSING, status=StatusName.SUCCESS,
        source="12125551234", destination="15551234567", accepted_at=LATER, ended_at=LATER,
    )  # fmt: skip
    key, value = message_id.encode(), status.to_bytes()
    return InRecord("sms.mt.status", 0, 0, 0, key, value, ())


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_statuses_are_read_only_while_one_is_waited_for() -> None:
    """From a moment before the sending until its status comes, until it is forgotten, or until nobody waits longer."""
    now = 0.0
    sent, follower = SentMessages(patience_seconds=60, clock=lambda: now), Follower()
    following = asyncio.create_task(Statuses(follower, sent).follow())
    await turns()
    assert (follower.begun, follower.reads) == (0, 0)

    sent.add(uuid(1), uuid(11), uuid(1))
    await turns()
    follower.records = [record(uuid(9)), record(uuid(1))]
    await turns()
    assert (follower.begun, follower.paused) == (1, True)
    assert [it.status for it in (sent.get(uuid(1)) or ("", "", []))[2]] == ["Success"]

    sent.add(uuid(2), uuid(11), uuid(1))
    await turns()
    assert (follower.begun, follower.paused) == (2, False)
    sent.forget(uuid(2))
    await turns()
    assert follower.paused

    sent.add(uuid(3), uuid(11), uuid(1))
    await turns()
    assert (follower.begun, follower.paused) == (3, False)
    now = 60.0
    await turns()
    assert follower.paused
    reads = follower.reads
    await turns()
    assert reads == follower.reads
    following.cancel()
