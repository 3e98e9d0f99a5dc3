"""The scheduler's whole process over a broker in memory and its file on disk, and what must always hold there."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Self, cast
from uuid import UUID

from agents.runtime import Agent
from agents.scheduler.app import serve
from pipeline.settings import AgentSettings, KafkaSettings, MessageSettings
from schemas.headers.causation import Causation
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.destination import Destination
from schemas.messages.mt_message import MtMessage
from schemas.messages.status import MessageStatus, StatusName
from schemas.record import OutRecord
from schemas.topics import CANCEL_REQUESTED, SCHEDULED, SEGMENTED, STATUS, TIMED
from tests.builders import DESTINATION, account, carrier, did, directory_of, route, submission, trunk, uuid
from tests.fakes.broker import SESSION_SECONDS, Life, Stored
from tests.fakes.directory_view import DirectoryViewInMemory
from tests.fakes.kafka_edges import Follower, HandOffEdge
from tests.fakes.virtual_time import CLOCK
from tests.unit.machines.history import World

PUNCTUAL_SECONDS: Final = 2.0
BULK_ID: Final = str(UUID(int=1 << 100))

# Settings are read once: to read them costs as much as a short history.
SETTINGS: Final = AgentSettings()
KAFKA: Final = KafkaSettings(session_timeout_seconds=SESSION_SECONDS)
MESSAGES: Final = MessageSettings()

PRESENT: Final[list["SchedulerWorld"]] = []
"""The history that runs is the last one."""


class NobodyOptsOut:
    """Stands for the follower of opt-outs."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """There are none."""

    async def start(self) -> Self:
        return self

    async def follow(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """There is no connection."""


def _directory_view(*_: Any, **__: Any) -> DirectoryViewInMemory:
    return DirectoryViewInMemory(PRESENT[-1].directory)


EXCHANGED: Final[tuple[tuple[str, str, object], ...]] = (
    ("agents.scheduler.app", "HandOff", HandOffEdge),
    ("agents.scheduler.app", "TopicFollower", Follower),
    ("agents.scheduler.app", "DirectoryView", _directory_view),
    ("agents.scheduler.app", "OptOutsView", NobodyOptsOut),
    ("agents.scheduler.app", "KafkaSettings", lambda: KAFKA),
    ("agents.scheduler.app", "MessageSettings", lambda: MESSAGES),
    ("agents.scheduler.app", "StateSettings", lambda: SimpleNamespace(file=lambda name: PRESENT[-1].folder / name)),
)


class SchedulerWorld(World):
    """A history of the scheduler, and the checks."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        PRESENT[:] = [self]
        self.folder: Path = Path(self._state.name)
        self.directory = directory_of(account(), did(), carrier(), route(), trunk(11), trunk(12))
        self.due: dict[str, datetime] = {}
        self.wished: dict[str, datetime] = {}
        self.begin()

    async def agent(self, life: Life) -> None:
        await serve(cast("Agent", SimpleNamespace(settings=SETTINGS, slot=life.slot, stopping=life.stopping)))

    # What may happen.

    def schedule(self, seconds: float, *, trunk_number: int = 11, in_bulk: bool = False) -> str:
        """The processor writes a message whose time is yet to come."""
        number = len(self.due) + 1
        now, identity = CLOCK.now(), str(UUID(int=number))
        self.due[identity] = now + timedelta(seconds=seconds)
        part = submission(
            Destination(address=DESTINATION, id=identity), id=BULK_ID if in_bulk else None,
            trunk_id=uuid(trunk_number), send_at=self.due[identity], accepted_at=now,
        )  # fmt: skip
        origin = Causation(0, number, 0, int(now.timestamp() * 1000))
        stored = Stored(part.trunk_id.encode(), part.to_bytes(), (origin.header(),), origin.at_ms)
        self.broker.log(SCHEDULED).append(stored)
        return identity

    def repeat(self, latest: int) -> None:
        """The processor was killed before its ack, and writes its latest records once more."""
        originals = [it for it in self.broker.log(SCHEDULED) if not it.repetition]
        for it in originals[-latest:]:
            repeated = Stored(it.key, it.value, it.headers, it.timestamp_ms, repetition=True)
            self.broker.log(SCHEDULED).append(repeated)

    def cancel(self, identity: str, trunk_number: int = 11, *, bulk: bool = False) -> None:
        """The customer wishes that it be not sent."""
        asked = CancelRequest(trunk_id=uuid(trunk_number), id=identity, bulk=bulk or None, requested_at=CLOCK.now())
        self.broker.append([OutRecord(CANCEL_REQUESTED, asked.trunk_id.encode(), asked.to_bytes())])
        self.wished.setdefault(identity, CLOCK.now())

    def block_trunk(self, *, blocked: bool) -> None:
        """An operator blocks it, or lets it send again."""
        self.directory.apply(b"trunk:" + uuid(12).encode(), trunk(12, blocked=blocked).to_bytes())

    def all_is_well(self) -> None:
        """The trunk may send."""
        self.block_trunk(blocked=False)
        last = max(self.due.values(), default=CLOCK.now())
        self.loop.jump(max(0.0, (last - CLOCK.now()).total_seconds()))

    def is_settled(self) -> bool:
        return not self.broker.open(TIMED) and len(self._ends()) == len(self.due)

    # What must hold.

    def released(self) -> list[tuple[str, int]]:
        """Return what has gone to delivery, and when."""
        log = self.broker.log(SEGMENTED)
        return [(MtMessage.from_bytes(it.value or b"").id, it.timestamp_ms) for it in log]

    def statuses(self) -> dict[str, MessageStatus]:
        found = [MessageStatus.from_bytes(it.value or b"") for it in self.broker.log(STATUS)]
        return {it.message_id: it for it in found}

    def _ends(self) -> Counter[str]:
        told = [MessageStatus.from_bytes(it.value or b"").message_id for it in self.broker.log(STATUS)]
        return Counter([*(identity for identity, _ in self.released()), *told])

    def check(self) -> None:
        """Hold at any moment: no message leaves twice or before its time, nor is it told to be what it is not."""
        self.check_for_errors_of_ours()
        twice = {identity: count for identity, count in self._ends().items() if count > 1}
        assert not twice, f"left more than once: {twice}"
        for identity, at_ms in self.released():
            assert at_ms >= int(self.due[identity].timestamp() * 1000), f"{identity} was early"
        for identity, status in self.statuses().items():
            if status.status == StatusName.CANCELED:
                assert self._was_wished(identity), f"nobody has cancelled {identity}"

    def _was_wished(self, identity: str) -> bool:
        return identity in self.wished or BULK_ID in self.wished

    def check_the_end(self) -> None:
        """Hold when all is settled: every message has left, once."""
        self.check()
        assert self._ends() == Counter(list(self.due)), "messages have vanished"
