"""A record in the hands of a worker."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from pipeline.kafka.consuming.partition.assignment import Assignment
from schemas.record import InRecord, OutRecord


class ParkingPlace(Protocol):
    """Where a record is kept that does not lie any more where it was read."""

    def finish(self, record: InRecord, assignment: Assignment, outbox: Iterable[OutRecord]) -> None:
        """Write `outbox`, and that the record is done: both or neither."""


class Work(NamedTuple):
    """One record to work on. Ask `begin()` first; call `finish()` when what has come of it is durable.

    `parked` is set when it was moved to a parking topic; `assignment` is then that of the topic's partition number.
    """

    record: InRecord
    assignment: Assignment
    parked: ParkingPlace | None = None

    def begin(self) -> bool:
        """Ask leave to work on it; False when it is no longer ours to work on."""
        if self.parked is not None:
            return self.assignment.begin_parked(self.record.coordinates)
        return self.assignment.begin()

    def finish(self, outbox: Iterable[OutRecord] = ()) -> None:
        """Note that all that follows from it is durable, or, of `outbox`, will be with the commit."""
        if self.parked is not None:
            self.parked.finish(self.record, self.assignment, outbox)
        else:
            self.assignment.finish(self.record.offset, outbox)

    def abandon(self) -> None:
        """Leave it as it is: whoever gets the record next goes on with it."""
        if self.parked is not None:
            self.assignment.end_parked(self.record.coordinates)
        else:
            self.assignment.abandon()

    @property
    def lost(self) -> bool:
        """Whether it has gone to another member: nothing may be done about it any more."""
        return self.assignment.lost
