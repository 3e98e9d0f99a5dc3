"""One partition while it is ours: what is handed out, what is done, and what a commit of it has to say."""

from collections.abc import Iterable, Iterator
from time import time

from aiokafka.structs import OffsetAndMetadata

from pipeline.dead_letters.brake import UnreadableRow, says_unreadable
from pipeline.kafka.consuming.partition.ack_tracker import AckTracker
from pipeline.kafka.consuming.partition.commit_metadata import CommitMetadata
from pipeline.kafka.consuming.partition.finished_ranges import FinishedRanges, to_text
from pipeline.kafka.consuming.partition.low_water import LowWater
from pipeline.kafka.consuming.partition.repetitions import Repetitions
from schemas.headers.causation import Causation
from schemas.record import Coordinates, OutRecord


class Assignment:
    """One partition during one assignment; another assignment of it is another one of these.

    It goes on from what is `committed`. So many records in a row as `brake` (0: never) that could not be read stop it
    before the first of them that is not committed yet. `begun_before` is the highest offset that the journal says
    something about, None where there is no journal.
    """

    def __init__(
        self, committed: OffsetAndMetadata | None = None, *, brake: int = 0, begun_before: int | None = None
    ) -> None:
        known = CommitMetadata.parse(committed)
        position = None if committed is None else committed.offset
        self._offsets = AckTracker(position)
        self._repetitions = Repetitions(known.causations, known.finished, position)
        self._low_water = None if begun_before is None else LowWater(known.low_water, begun_before)
        self._row = UnreadableRow(brake, known.row)
        self._unreadable: set[int] = set()
        self._outbox: dict[int, tuple[OutRecord, ...]] = {}
        self._parked: dict[Coordinates, int] = {}
        self._journal_end = known.low_water
        self._begun = 0
        self._committed = position
        self._committed_ranges = ""
        self._committed_row = known.row
        self._causations_before_row: dict[int, Causation] = {}
        self.braked = False
        """Whether too many records in a row could not be read: `position` then stays before the row."""
        self.closed = False
        """Set when the partition goes to another member or the agent stops: what is not begun must not begin."""
        self.lost = False
        """Set when the partition has gone to another member: what is begun must not go on either."""

    # Records and those who work on them.

    def hand_out(self, offset: int, causation: Causation | None = None, timestamp_ms: int = 0) -> bool:
        """Note a record on its way to a worker; False for one that is done already, which is finished by that."""
        done = self._repetitions.covers(offset, causation, timestamp_ms)
        self._offsets.hand_out(offset)
        if done:
            self._begun += 1
            self.finish(offset)
        return not done

    def reach(self, position: int) -> None:
        """Note that nothing that lies before `position` is still to be handed out.

        Behind the last record there may be what is none: markers of transactions, and records that were aborted.
        """
        if not self._offsets.unfinished and not self.braked and position > (self._offsets.position or 0):
            self._offsets.position = position

    def begin(self) -> bool:
        """Ask leave to work on a handed-out record; False when it is no longer ours to work on."""
        if self.closed:
            return False
        self._begun += 1
        return True

    def finish(self, offset: int, outbox: Iterable[OutRecord] = ()) -> None:
        """Note that all consequences of a begun record are durable.

        `outbox` are those that become durable with the commit itself, in one transaction.
        """
        self._begun -= 1
        if outbox := tuple(outbox):
            self._outbox[offset] = outbox
            if self._row.limit and says_unreadable(outbox):
                self._unreadable.add(offset)
        offsets = self._offsets
        offsets.finish(offset)
        while (passed := offsets.next_finished) is not None and not self.braked:
            if (self._unreadable or self._row.length) and self._brakes_at(passed):
                return
            offsets.advance()
            self._repetitions.passed(passed)

    def begin_parked(self, read: Coordinates) -> bool:
        """Ask leave to work on a record that was parked, and was read at these coordinates."""
        if self.closed:
            return False
        self._begun += 1
        self._parked.setdefault(read, self._journal_end)
        return True

    def hold(self, read: Coordinates) -> None:
        """Keep the journal's marks of a parked record that an earlier life has begun, until it is done."""
        self._parked[read] = self._journal_end

    def end_parked(self, read: Coordinates) -> None:
        """Note that begun work on a parked record is done, or left as it is."""
        self._begun -= 1
        self._parked.pop(read, None)

    def abandon(self) -> None:
        """Note that begun work was left as it is: whoever gets its record next goes on with it."""
        self._begun -= 1

    def lose(self) -> None:
        """Note that the partition has gone to another member."""
        self.closed = self.lost = True

    def _brakes_at(self, offset: int) -> bool:
        """Count the oldest record, which is finished; True when it makes the row too long."""
        unreadable = offset in self._unreadable
        self._unreadable.discard(offset)
        if unreadable and self._row.began is None:
            self._causations_before_row = dict(self._repetitions.causations)
        if not self._row.count(offset, unreadable=unreadable):
            return False
        self.braked = self.closed = True
        began = self._row.began
        if began is not None and (self._committed is None or began > self._committed):
            self._offsets.position = began
            self._repetitions.causations = self._causations_before_row
        else:
            self._offsets.position = self._committed
        return True

    # Commits.

    @property
    def position(self) -> int | None:
        """Next offset to commit, None until the oldest record has finished."""
        return self._offsets.position

    @property
    def row(self) -> int:
        """How many records right before the position could not be read."""
        return self._row.length

    @property
    def to_commit(self) -> int | None:
        """The offset to commit, None when nothing has moved since the last commit."""
        position, committed = self.position, self._committed
        if self.braked and position is not None and committed is not None and position < committed:
            return None  # committed while the brake was put on
        return position if position != committed else None

    def next_commit(self, *, renew: bool, journal_end: int | None = None) -> OffsetAndMetadata | None:
        """Return what to commit now, None when there is nothing new; with `renew` also what stands.

        `journal_end` is where the partition's journal ends now, as far as this process knows. Of a partition that is
        lost nothing is committed: what another member has committed since would be taken back.
        """
        if self.lost:
            return None
        position, ranges = self.to_commit, self._offsets.finished_ranges(besides=self._outbox)
        stands = position is None
        if stands and (renew or ranges):
            position = self.position if self.position is not None else self._offsets.oldest
        if position is None:
            return None
        finished = to_text(position, ranges)
        if stands and not renew and finished == self._committed_ranges:
            return None
        self._committed_ranges = finished
        if not self.braked:
            self._committed_row = self.row
        elif not stands:
            self._committed_row = 0  # the position is before the row
        low_water = 0
        if self._low_water is not None:
            # What was parked is not covered by the position: it may have marks from where it was begun.
            low_water = min(self._low_water.for_position(position), *self._parked.values(), 1 << 62)
            if journal_end is not None:
                self._journal_end = journal_end
                # What is handed out from now on comes after the journal's end of now.
                self._low_water.mark(journal_end, self._offsets.last_offset)
        metadata = CommitMetadata(
            low_water,
            self._repetitions.causations,
            FinishedRanges(int(time() * 1000), tuple(ranges)),
            self._committed_row,
        )
        return OffsetAndMetadata(position, metadata.text(position))

    def take_outbox(self, position: int) -> list[OutRecord]:
        """Return what must be written in the transaction that commits `position`, in the order in which it was decided.

        What goes to a tier got its time then, and a tier hands out in the order in which it was written.
        """
        due = [offset for offset in self._outbox if offset < position]
        return [record for offset in due for record in self._outbox.pop(offset)]

    def committed(self, position: int) -> None:
        """Note that the group has accepted a commit."""
        self._committed = position

    # How much there is.

    @property
    def in_progress(self) -> int:
        """How many records are begun and not finished."""
        return self._begun

    @property
    def unfinished(self) -> int:
        """How many records were handed out and are not yet covered by `position`."""
        return self._offsets.unfinished

    @property
    def outstanding(self) -> int:
        """How many records hold memory: handed out and not finished, or with something to write at their commit."""
        return self._offsets.waiting + len(self._outbox)

    @property
    def unwritten(self) -> int:
        """How many records have something to write at their commit, which is in memory until then."""
        return len(self._outbox)

    def oldest_waiting(self) -> Iterator[int]:
        """Iterate over the offsets that were handed out and have not finished, the oldest first."""
        return self._offsets.oldest_waiting()

    @property
    def last_offset(self) -> int | None:
        """The highest offset that was handed out."""
        return self._offsets.last_offset
