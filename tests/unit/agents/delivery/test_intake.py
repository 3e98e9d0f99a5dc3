"""What waits for which carrier, and what is moved on, with carriers that hang and a broker that only remembers."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from agents.delivery.carrier_line import CarrierLine
from agents.delivery.deliver import Delivery
from agents.delivery.intake import Intake
from agents.delivery.message_run import Means
from agents.delivery.write import Writer
from pipeline.carriers.journal import JournalState
from pipeline.directory.model import Directory
from pipeline.errors import InDoubt
from pipeline.http.client import Answer
from pipeline.kafka.consuming.assignment import Assignment
from pipeline.kafka.consuming.journal import Journal
from pipeline.kafka.consuming.work import Work
from pipeline.posting.breaker import FIRST_PAUSE_SECONDS, TRIP_AFTER
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.directory.entry import key_of
from schemas.mt_message import WaitingMessage
from schemas.record import InRecord, OutRecord
from schemas.status import MessageStatus
from schemas.topics import SEGMENTED, STATUS
from tests.unit.agents.delivery.test_deliver import Member, ViewOf, message
from tests.unit.pipeline.posting.test_breaker import Clock

if TYPE_CHECKING:
    from pipeline.http.client import HttpPoster
    from pipeline.kafka.consuming.consumer import TrackedConsumer
    from pipeline.kafka.views.directory_view import DirectoryView

UUID = "0190f0c0-0000-7000-8000-0000000000{:02x}"
A, B = UUID.format(10), UUID.format(11)
TIER = "sms.mt.retry.5s"


class Network:
    """Both carriers: A's POSTs hang until the test ends them, B answers at once."""

    def __init__(self) -> None:
        self.hanging: list[asyncio.Future[Answer]] = []
        self.most_hanging = 0
        self.posted_to_a: list[str] = []

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_seconds: float | None = None
    ) -> Answer:
        if "/b" in url:
            return Answer(202, b"{}", None)
        self.posted_to_a.append(json.loads(body)["destination"])
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.hanging.append(answer)
        self.most_hanging = max(self.most_hanging, len(self.hanging))
        try:
            return await answer
        finally:
            self.hanging.remove(answer)


class Site:
    """An intake with everything around it; A takes `most` at once."""

    def __init__(self, most: int, lanes: int) -> None:
        self.directory = Directory()
        self.a = Carrier(
            id=A, name="a", url="http://carrier.example/a", max_in_flight=most,
            in_doubt_policy=InDoubtPolicy.RESEND_WITH_KEY,
        )  # fmt: skip
        self.write(self.a)
        self.write(Carrier(id=B, name="b", url="http://carrier.example/b"))
        self.network = Network()
        self.clock = Clock()
        self.tracker = Assignment()
        self.statuses: list[MessageStatus] = []
        self.lanes = lanes
        self._offset = 0
        journal = Journal.__new__(Journal)  # only what needs no broker
        journal.state = JournalState()

        async def write(groups: Sequence[Sequence[OutRecord]]) -> None:
            records = [record for group in groups for record in group]
            self.statuses += [MessageStatus.from_bytes(it.value or b"") for it in records if it.topic == STATUS]

        journal.write = write  # type: ignore[method-assign]
        self.writer = Writer(journal, pause_seconds=0.0)

        view = cast("DirectoryView", ViewOf(self.directory))
        line = CarrierLine(cast("HttpPoster", self.network))
        self.delivery = Delivery(Means(view, line, journal, self.writer, (5, 30, 120, 600)), self.clock)
        self.intake: Intake

    def write(self, carrier: Carrier) -> None:
        self.directory.apply(key_of(carrier), carrier.to_bytes())

    async def put(self, carrier_id: str, *destinations: int, tier: bool = False) -> None:
        batch = []
        for destination in destinations:
            it = message(1).model_copy(update={"carrier_id": carrier_id, "destination": f"1555{destination:07d}"})
            value = it.to_bytes()
            if tier:
                value = WaitingMessage(
                    message=it, attempt=1, next_seqnum=1, first_attempt_at=it.accepted_at, due_at=it.accepted_at,
                    last_error="down", deferred=1,
                ).to_bytes()  # fmt: skip
            self._offset += 1
            self.tracker.hand_out(self._offset)
            key = it.destination.encode()
            batch.append(Work(InRecord(TIER if tier else SEGMENTED, 0, self._offset, 0, key, value, ()), self.tracker))
        await self.intake.take(cast("TrackedConsumer", Member()), batch, later=tier)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(200):
            await asyncio.sleep(0)

    async def end(self, count: int, how: Answer | Exception) -> None:
        for answer in self.network.hanging[:count]:
            if isinstance(how, Exception):
                answer.set_exception(how)
            else:
                answer.set_result(how)
        await self.settle()

    def moved_on(self) -> list[WaitingMessage]:
        """Take what would be written to tiers with commits, as far as it is finished without a hole or not."""
        records = self.tracker.take_outbox(self._offset + 1)
        return [WaitingMessage.from_bytes(it.value or b"") for it in records]

    def delivered(self, carrier_id: str) -> int:
        return sum(it.carrier_id == carrier_id for it in self.statuses)


@asynccontextmanager
async def a_site(most: int = 8, lanes: int = 16) -> AsyncIterator[Site]:
    site = Site(most, lanes)
    async with asyncio.TaskGroup() as group:
        site.intake = Intake(site.delivery, lanes, group.create_task, asyncio.Event())
        writing = group.create_task(site.writer.run())
        await site.intake.look_after()
        yield site
        site.intake.close()
        writing.cancel()


async def test_a_hanging_carrier_leaves_the_other_alone() -> None:
    """All of A's places hang; B's messages behind them are delivered."""
    async with a_site(most=8) as site:
        await site.put(A, *range(100))
        await site.put(B, *range(100))
        assert len(site.network.hanging) == 8
        assert site.delivered(B) == 100


async def test_when_it_fails_all_that_waits_is_moved_on() -> None:
    """Without a POST, also what is behind another one of its destination, and what comes then."""
    async with a_site(most=8) as site:
        await site.put(A, *range(100), *range(100))
        await site.end(TRIP_AFTER, InDoubt("no answer"))
        await site.intake.look_after()
        posted = len(site.network.posted_to_a)
        await site.put(A, *range(200, 210))
        moved = site.moved_on()
        tried = [it for it in moved if it.deferred is None]
        assert posted == len(site.network.posted_to_a) <= 8 + TRIP_AFTER
        assert len(tried) == TRIP_AFTER
        assert len(moved) + len(site.network.hanging) == 210
        assert all((it.attempt, it.in_doubt) == (1, False) for it in moved if it not in tried)


async def test_a_busy_carrier_gets_what_it_takes_and_the_rest_waits_elsewhere() -> None:
    """A slow one with much to do: what it takes in some seconds waits for it, the rest in the tiers."""
    async with a_site(most=8) as site:
        await site.put(A, *range(600))
        for _ in range(4):
            site.clock.now += 1
            await site.end(8, Answer(202, b"{}", None))
            await site.intake.look_after()
        moved = site.moved_on()
        # When its rate was first measured: 16 were delivered, 8 in work, and 40 are five seconds' worth of 8 a second.
        assert len(moved) == 600 - 16 - 8 - 40
        assert {it.deferred for it in moved} == {1}
        assert {it.last_error for it in moved} == {"not tried, more waits for the carrier than it takes"}


async def test_without_a_neighbour_a_busy_carrier_keeps_what_waits() -> None:
    """There is nobody to make room for."""
    async with a_site(most=8) as site:
        site.directory.apply(f"carrier:{B}".encode(), None)
        await site.put(A, *range(600))
        for _ in range(4):
            site.clock.now += 1
            await site.end(8, Answer(202, b"{}", None))
            await site.intake.look_after()
        assert (site.moved_on(), site.delivered(A)) == ([], 32)


async def test_a_changed_bound_counts_within_a_look() -> None:
    """`max_in_flight` up and down while POSTs hang."""
    async with a_site(most=2) as site:
        await site.put(A, *range(20))
        assert len(site.network.hanging) == 2
        site.write(site.a.model_copy(update={"max_in_flight": 5}))
        await site.intake.look_after()
        await site.settle()
        assert len(site.network.hanging) == 5
        site.write(site.a.model_copy(update={"max_in_flight": 1}))
        await site.intake.look_after()
        await site.end(4, Answer(202, b"{}", None))
        assert len(site.network.hanging) == 1
        assert site.network.most_hanging == 5


async def test_messages_to_one_destination_go_one_after_the_other() -> None:
    """In the order in which they came, whatever happens to others."""
    async with a_site(most=8) as site:
        await site.put(A, 1, 1, 1, 2, 1)
        assert [it[-1] for it in site.network.posted_to_a] == ["1", "2"]
        for _ in range(3):
            await site.end(1, Answer(202, b"{}", None))
        assert [it[-1] for it in site.network.posted_to_a] == ["1", "2", "1", "1"]


async def test_a_storm_of_retries_leaves_places_to_first_attempts() -> None:
    """First attempts get their turn before the retries that came earlier."""
    async with a_site(most=2) as site:
        await site.put(A, *range(100), tier=True)
        await site.put(A, *range(200, 208))
        before = len(site.network.posted_to_a)
        for _ in range(4):
            await site.end(2, Answer(202, b"{}", None))
        later = [int(it[-3:]) for it in site.network.posted_to_a[before:]]
        assert sum(it >= 200 for it in later) >= 5


async def test_of_what_comes_back_one_finds_out_how_the_carrier_is() -> None:
    """The others are moved on at once, and first attempts too."""
    async with a_site(most=8) as site:
        await site.put(A, *range(8))
        await site.end(8, InDoubt("no answer"))
        site.clock.now += FIRST_PAUSE_SECONDS
        before = len(site.network.posted_to_a)
        site.moved_on()
        await site.put(A, *range(20), tier=True)
        await site.put(A, *range(20))
        assert len(site.network.posted_to_a) == before + 1
        assert sorted(it.deferred or 0 for it in site.moved_on()) == [1] * 20 + [2] * 19
        await site.end(1, Answer(202, b"{}", None))
        await site.put(A, *range(20))
        assert len(site.network.posted_to_a) > before + 2


async def test_a_carrier_that_is_gone_leaves_nothing_behind() -> None:
    """Its messages end, then its lanes and its gate do."""
    async with a_site() as site:
        gate = site.delivery.gates.of(A)
        site.directory.apply(f"carrier:{A}".encode(), None)
        await site.put(A, 1)
        assert [it.reason for it in site.statuses] == ["carrier unknown"]
        await site.intake.look_after()
        assert site.delivery.gates.of(A) is not gate
