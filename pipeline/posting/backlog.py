"""What waits on disk: by flow, in order, at no cost in memory.

A view: all of it is in topics too, and it is made anew whenever partitions are assigned.

Rows of a flow are taken in their order, but for lanes that are full: what such a lane has is moved aside when it is met
(`hot`), once, and taken from there when the lane has room. So one number with ten thousand messages is in nobody's way,
and its own order stays: whatever else of that lane is met later goes aside behind it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Final

from pipeline.posting.row import FlowKey, Row, Stored
from pipeline.posting.waiting_table import WaitingTable

SCANNED_AT_ONCE: Final = 2000  # rows that are met in one call: some ten milliseconds
FROM_FULL_LANE: Final = 16  # rows that one lane that was full gives at once
_LANE_SLOTS: Final = 1 << 18
_SPREAD: Final = 40_503  # keeps the same lanes of two flows apart
_NOT_TO_TAKE: Final = frozenset({Stored.ON_ITS_WAY, Stored.BEING_READ})


class Backlog:
    """Rows by flow. None of the calls waits for anything but the disk."""

    def __init__(self) -> None:
        self._table = WaitingTable()
        self._hot: dict[FlowKey, Counter[int]] = {}  # rows that are aside, by lane
        self.counts: Counter[FlowKey] = Counter()
        """How many rows each flow has."""
        self._peers: Counter[str] = Counter()
        self._lanes = bytearray(_LANE_SLOTS)
        """Where a lane's slot is 0 nothing of it has come since nothing at all was here: most need no look."""

    def __len__(self) -> int:
        return self.counts.total()

    def waiting_for(self, peer: str) -> int:
        """Return how many rows wait for a peer."""
        return self._peers[peer]

    def add(self, rows: Sequence[Row]) -> list[Row]:
        """Keep rows; return those that are new: a record that is here already is not added."""
        added = self._table.insert(rows)
        if not self.counts:
            self._lanes = bytearray(_LANE_SLOTS)
        for flow, count in Counter([row.flow for row in added]).items():
            self._count(flow, count)
        for row in added:
            self._lanes[self._lane_slot(row.flow, row.lane)] = 1
        return added

    def _lane_slot(self, flow: FlowKey, lane: int) -> int:
        return (self._table.flow_id(flow) * _SPREAD + lane) % _LANE_SLOTS

    def holds(self, flow: FlowKey, lane: int) -> bool:
        """Tell whether anything of a lane waits here."""
        if not self.counts.get(flow) or not self._lanes[self._lane_slot(flow, lane)]:
            return False
        query = "SELECT 1 FROM waiting WHERE flow = ? AND lane = ? LIMIT 1"
        return self._table.one(query, self._table.flow_id(flow), lane) is not None

    def take(self, flow: FlowKey, count: int, room: Callable[[int], int]) -> list[Row]:
        """Take out up to `count` rows of a flow, in their order; `room` says how many more a lane may have.

        What is on its way to the parking topic is left for now, and so is its lane.
        """
        flow_id = self._table.flow_id(flow)
        taken: list[Row] = []
        given: Counter[int] = Counter()
        for lane in list(self._hot.get(flow, ())):
            most = min(count - len(taken), FROM_FULL_LANE, room(lane))
            if most > 0:
                found = self._table.select("flow = ? AND hot = ? ORDER BY seq LIMIT ?", flow_id, lane, most)
                for row in found:
                    if row.stored in _NOT_TO_TAKE:
                        break
                    taken.append(row)
                    given[lane] += 1
        hot = self._hot.setdefault(flow, Counter())
        aside: list[tuple[int, int]] = []
        after, met = -1, 0
        while len(taken) < count and met < SCANNED_AT_ONCE:
            found = self._table.select("flow = ? AND hot = 0 AND seq > ? ORDER BY seq LIMIT ?", flow_id, after, 200)
            if not found:
                break
            for row in found:
                after, met = row.seq, met + 1
                blocked = row.stored in _NOT_TO_TAKE
                if row.lane and (blocked or hot[row.lane] or room(row.lane) - given[row.lane] <= 0):
                    hot[row.lane] += 1
                    aside.append((row.lane, row.seq))
                elif not blocked:
                    taken.append(row)
                    given[row.lane] += 1
                    if len(taken) >= count:
                        break
        self._table.execute("BEGIN")
        self._table.executemany("UPDATE waiting SET hot = ? WHERE seq = ?", aside)
        self._drop(taken)
        self._table.execute("COMMIT")
        if not +hot:
            self._hot.pop(flow, None)
        return taken

    def take_movable(self, flow: FlowKey, count: int) -> list[Row]:
        """Take out up to `count` rows of a flow that another peer may take, in their order.

        What is on its way to the parking topic is waited for, and so is all behind it.
        """
        found = self._table.select("flow = ? AND movable = 1 ORDER BY seq LIMIT ?", self._table.flow_id(flow), count)
        taken = list(takewhile(lambda row: row.stored not in _NOT_TO_TAKE, found))
        self.drop(taken)
        return taken

    def expired(self, now_ms: int, count: int) -> list[Row]:
        """Take out up to `count` rows that must not wait any longer."""
        found = self._table.select("expires_ms <= ? AND stored IN (0, 2) ORDER BY expires_ms LIMIT ?", now_ms, count)
        self.drop(found)
        return found

    def store(self, rows: Iterable[Row], stored: Stored) -> None:
        """Note where rows are kept now."""
        self._table.execute("BEGIN")
        self._table.executemany("UPDATE waiting SET stored = ? WHERE seq = ?", [(stored, it.seq) for it in rows])
        self._table.execute("COMMIT")

    def passed(self, topic: str, partition: int, position: int, *, stays: bool) -> None:
        """Note that a commit has passed the records before `position`: what was on its way has arrived.

        Where it does not stay with us its rows are dropped.
        """
        where = "topic = ? AND part = ? AND place < ? AND stored = 1"
        values = (self._table.topic_id(topic), partition, position)
        if stays:
            self._table.execute(f"UPDATE waiting SET stored = 2 WHERE {where}", values)  # noqa: S608
        else:
            self._forget(where, *values)

    def find(self, topic: str, partition: int, offset: int) -> Row | None:
        """Return the row of a record, if it waits here."""
        where = "topic = ? AND part = ? AND place = ?"
        return next(iter(self._table.select(where, self._table.topic_id(topic), partition, offset)), None)

    def drop(self, rows: Sequence[Row]) -> None:
        """Take rows out that were found."""
        self._table.execute("BEGIN")
        self._drop(rows)
        self._table.execute("COMMIT")

    def all_is_read(self) -> None:
        """Note that what is done of the parking topic is known: the rest may be taken."""
        self._table.execute("UPDATE waiting SET stored = 2 WHERE stored = 3")

    def forget(self, topic: str) -> None:
        """Drop what lies where it was read in a topic, or is on its way: its partitions go or come anew."""
        self._forget("topic = ? AND stored < 2", self._table.topic_id(topic))

    def forget_parked(self) -> None:
        """Drop what lies in the parking topic: its partitions go or come anew."""
        self._forget("stored >= 2")

    def _forget(self, where: str, *values: object) -> None:
        counted = self._table.execute(
            f"SELECT flow, hot, count(*) FROM waiting WHERE {where} GROUP BY flow, hot",  # noqa: S608
            values,
        ).fetchall()
        for flow_id, hot, count in counted:
            flow = self._table.flow(flow_id)
            if hot and flow in self._hot:
                self._hot[flow][hot] -= count
            self._count(flow, -count)
        self._table.execute(f"DELETE FROM waiting WHERE {where}", values)  # noqa: S608

    def close(self) -> None:
        """Close the file."""
        self._table.close()

    def _drop(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if hot_lanes := self._hot.get(row.flow):
                (hot,) = self._table.one("SELECT hot FROM waiting WHERE seq = ?", row.seq) or (0,)
                if hot:
                    hot_lanes[hot] -= 1
        self._table.executemany("DELETE FROM waiting WHERE seq = ?", [(row.seq,) for row in rows])
        for flow, count in Counter([row.flow for row in rows]).items():
            self._count(flow, -count)

    def _count(self, flow: FlowKey, change: int) -> None:
        self.counts[flow] += change
        self._peers[flow.peer] += change
        if not self.counts[flow]:
            del self.counts[flow]
            self._hot.pop(flow, None)
            self._table.forget_flow(flow)
        if not self._peers[flow.peer]:
            del self._peers[flow.peer]
