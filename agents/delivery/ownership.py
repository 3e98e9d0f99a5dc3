"""What delivery does when partitions come: read what waits and what earlier lives have left in the journal."""

from collections.abc import Callable, Mapping, Sequence

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from pipeline.kafka.consuming.journal import Journal
from pipeline.kafka.consuming.parking import Parking
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.posting.backlog import Backlog
from pipeline.posting.row import Stored
from schemas.record import Coordinates
from schemas.topics import SEGMENTED


class Ownership:
    """Of the partitions of `topics`.

    `settle_first` and `owns` are there for the main topic, whose partitions the parked ones go with: the one is told of
    parked records that an earlier life has begun, the other how many partitions there are now.
    """

    def __init__(
        self,
        topics: Sequence[str],
        journal: Journal,
        backlog: Backlog,
        parking: Parking,
        settle_first: Callable[[Sequence[Coordinates]], None] | None = None,
        owns: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._topics = tuple(topics)
        self._journal = journal
        self._backlog = backlog
        self._parking = parking
        self._settle_first = settle_first
        self._owns = owns

    async def assigned(self, committed: Mapping[TopicPartition, OffsetAndMetadata]) -> Mapping[TopicPartition, int]:
        """Read the parking topic and the journal. Raises `BrokerUnreachable`."""
        self._owns(len(committed))
        for topic in self._topics:
            self._backlog.forget(topic)
        if self._settle_first is None:
            return await self._journal.recover(committed)
        await self._parking.own({place.partition for place in committed})
        return await self._journal.recover(committed, self._is_parked)

    def _is_parked(self, coordinates: Coordinates) -> bool:
        row = self._backlog.find(*coordinates)
        return row is not None and row.stored in (Stored.BEING_READ, Stored.PARKED)

    def begun(self, assignments: Mapping[TopicPartition, Assignment]) -> None:
        """Keep the marks of what is parked and begun, and let what is parked be taken."""
        if self._settle_first is not None:
            parked = [it for it in self._journal.state if self._is_parked(it)]
            for coordinates in parked:
                assignments[TopicPartition(SEGMENTED, coordinates.partition)].hold(coordinates)
            self._settle_first(parked)
            self._parking.release()

    def committed(self, place: TopicPartition, position: int) -> None:
        """What was parked before `position` has arrived."""
        self._parking.committed(place, position)

    def journal_end(self, partition: int) -> int | None:
        """Return where the journal of a partition ends, as far as is known here."""
        return self._journal.end(partition)
