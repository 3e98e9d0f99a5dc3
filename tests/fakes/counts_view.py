"""What an agent knows of counts, without a topic to follow."""

from pipeline.limits.counts import DayCounts
from schemas.state.day_count import DayCount


class CountsInMemory:
    """Stands for the follower of `sms.mt.counted`; `behind` is what only a look at a partition's end brings."""

    def __init__(self, *behind: tuple[int, DayCount]) -> None:
        self.counts = DayCounts()
        self.taken_over: list[int] = []
        self._behind = behind

    async def take_over(self, partition: int) -> None:
        self.taken_over.append(partition)
        for place, count in self._behind:
            if place == partition:
                self.counts.learn(place, count)
