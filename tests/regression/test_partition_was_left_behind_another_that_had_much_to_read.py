"""Reading several partitions to their ends stopped in the middle of one, while another's records filled every take.

aiokafka hands out what it has fetched of one partition before it comes to the next. That the next gave nothing
meanwhile passed for its end, so a scheduler that read a million messages anew was ready with two thirds of them, and
did not know which of them had been sent.
"""

from collections.abc import Iterable, Mapping

from aiokafka import TopicPartition

from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.settings import KafkaSettings

PLACES = [TopicPartition("topic", number) for number in range(3)]
EACH = 60
AT_ONCE = 5


class Fetched:
    """A consumer that has all there is of its partitions in memory, as soon as they are asked for."""

    def __init__(self) -> None:
        self.positions: dict[TopicPartition, int] = {}
        self.looks = 0

    def assign(self, places: Iterable[TopicPartition]) -> None:
        self.positions = dict.fromkeys(places, 0)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.positions[place] = offset

    async def position(self, place: TopicPartition) -> int:
        return self.positions[place]

    async def getmany(
        self, *places: TopicPartition, timeout_ms: float, max_records: int
    ) -> Mapping[TopicPartition, list[int]]:
        self.looks += 1
        taken: dict[TopicPartition, list[int]] = {}
        for place in places:
            begin = self.positions[place]
            self.positions[place] = min(EACH, begin + max_records)
            taken[place] = list(range(begin, self.positions[place]))
            max_records -= len(taken[place])
            if not max_records:
                break
        return taken

    def last_poll_timestamp(self, _: TopicPartition) -> int:
        return self.looks

    def last_stable_offset(self, _: TopicPartition) -> int:
        return EACH


async def test_each_is_read_to_its_end() -> None:
    """However long the others take."""
    follower = TopicFollower(KafkaSettings(), "topic", client_id="test")
    await follower._consumer.stop()
    consumer = follower._consumer = Fetched()
    follower.begin_at(dict.fromkeys(PLACES, 0))
    ends = dict.fromkeys(PLACES, EACH)
    found = [it async for records in follower.read_to(ends, at_once=AT_ONCE) for it in records]
    assert (len(found), consumer.positions) == (len(PLACES) * EACH, ends)
