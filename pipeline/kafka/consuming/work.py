"""A record in the hands of a worker."""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.kafka.consuming.assignment import Assignment
from schemas.record import InRecord, OutRecord


class Work(NamedTuple):
    """One record to work on. Ask `begin()` first; call `finish()` when what has come of it is durable."""

    record: InRecord
    assignment: Assignment

    def begin(self) -> bool:
        """Ask leave to work on it; False when it is no longer ours to work on."""
        return self.assignment.begin()

    def finish(self, outbox: Iterable[OutRecord] = ()) -> None:
        """Note that all that follows from it is durable, or, of `outbox`, will be with the commit."""
        self.assignment.finish(self.record.offset, outbox)

    def abandon(self) -> None:
        """Leave it as it is: whoever gets the record next goes on with it."""
        self.assignment.abandon()

    @property
    def lost(self) -> bool:
        """Whether it has gone to another member: nothing may be done about it any more."""
        return self.assignment.lost
