"""What waits on disk: by flow, in order, at no cost in memory.

A SQLite file that is a view: all of it is in topics too, and it is made anew whenever partitions are assigned. So it is
never synced, and without a file name the system deletes it when the process ends.

Rows of a flow are taken in their order, but for lanes that are full: what such a lane has is moved aside when it is met
(`hot`), once, and taken from there when the lane has room. So one number with ten thousand messages is in nobody's way,
and its own order stays: whatever else of that lane is met later goes aside behind it.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from schemas.record import Header, InRecord

_TABLES: Final = (
    "CREATE TABLE waiting (seq INTEGER PRIMARY KEY, flow INTEGER, lane INTEGER, hot INTEGER, stored INTEGER,"
    " expires_ms INTEGER, movable INTEGER, topic INTEGER, part INTEGER, place INTEGER, at_ms INTEGER, key BLOB,"
    " value BLOB, headers BLOB)",
    "CREATE INDEX by_turn ON waiting (flow, hot, seq)",
    "CREATE INDEX by_lane ON waiting (flow, lane)",
    "CREATE UNIQUE INDEX by_record ON waiting (topic, part, place)",
    "CREATE INDEX by_end ON waiting (expires_ms)",
    "CREATE INDEX by_move ON waiting (flow, seq) WHERE movable = 1",
)
_COLUMNS: Final = "seq, flow, lane, stored, expires_ms, topic, part, place, at_ms, key, value, headers"
SCANNED_AT_ONCE: Final = 2000  # rows that are met in one call: some ten milliseconds
FROM_FULL_LANE: Final = 16  # rows that one lane that was full gives at once
NO_END: Final = 1 << 62
_LANE_SLOTS: Final = 1 << 18
_SPREAD: Final = 40_503  # keeps the same lanes of two flows apart
_INSERT: Final = "INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...]).decode


class Stored(IntEnum):
    """Where a row's record is kept for a restart."""

    IN_PLACE = 0  # where it was read, uncommitted
    ON_ITS_WAY = 1  # it will be written to the parking topic with the commit that passes it
    PARKED = 2  # in the parking topic
    BEING_READ = 3  # there too, but whether it is done already is not known yet


_NOT_TO_TAKE: Final = frozenset({Stored.ON_ITS_WAY, Stored.BEING_READ})


class FlowKey(NamedTuple):
    """Names a flow: its peer, its own name and its account."""

    peer: str
    name: str
    account: str


class Row(NamedTuple):
    """Something that waits. `lane` 0 needs no order; `expires_ms` is when it must not wait any longer (Unix time).

    `movable`: another peer may take it instead, as far as is known without a look at the record.
    """

    seq: int
    flow: FlowKey
    lane: int
    record: InRecord
    expires_ms: int = NO_END
    stored: Stored = Stored.IN_PLACE
    movable: bool = False


class Backlog:
    """Rows by flow. None of the calls waits for anything but the disk."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = sqlite3.connect(str(path or ""), isolation_level=None)
        run = self._database.execute
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=OFF")
        run("PRAGMA synchronous=OFF")
        run("PRAGMA cache_size=-16384")
        run("PRAGMA temp_store=FILE")
        for table in _TABLES:
            run(table)
        self._next_flow_id = 0
        self._flow_ids: dict[FlowKey, int] = {}
        self._flow_keys: dict[int, FlowKey] = {}
        self._topic_ids: dict[str, int] = {}
        self._topics: dict[int, str] = {}
        self._hot: dict[int, Counter[int]] = {}
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
        before = self._database.total_changes
        self._database.execute("BEGIN")
        self._database.executemany(_INSERT, [self._values(row) for row in rows])
        self._database.execute("COMMIT")
        added = list(rows)
        if self._database.total_changes - before < len(rows):
            added = [row for row in rows if self._is_here(row)]
        if not self.counts:
            self._lanes = bytearray(_LANE_SLOTS)
        for flow, count in Counter([row.flow for row in added]).items():
            self._count(flow, count)
        for row in added:
            self._lanes[self._lane_slot(row.flow, row.lane)] = 1
        return added

    def _lane_slot(self, flow: FlowKey, lane: int) -> int:
        return (self._flow_id(flow) * _SPREAD + lane) % _LANE_SLOTS

    def _values(self, row: Row) -> tuple[object, ...]:
        record = row.record
        return (
            row.seq, self._flow_id(row.flow), row.lane, row.stored, row.expires_ms, row.movable,
            self._topic_id(record.topic), record.partition, record.offset, record.timestamp_ms, record.key,
            record.value, _encode(record.headers) if record.headers else None,
        )  # fmt: skip

    def _is_here(self, row: Row) -> bool:
        return self._one("SELECT 1 FROM waiting WHERE seq = ?", row.seq) is not None

    def holds(self, flow: FlowKey, lane: int) -> bool:
        """Tell whether anything of a lane waits here."""
        if not self.counts.get(flow) or not self._lanes[self._lane_slot(flow, lane)]:
            return False
        return (
            self._one("SELECT 1 FROM waiting WHERE flow = ? AND lane = ? LIMIT 1", self._flow_id(flow), lane)
            is not None
        )

    def take(self, flow: FlowKey, count: int, room: Callable[[int], int]) -> list[Row]:
        """Take out up to `count` rows of a flow, in their order; `room` says how many more a lane may have.

        What is on its way to the parking topic is left for now, and so is its lane.
        """
        flow_id = self._flow_id(flow)
        taken: list[Row] = []
        given: Counter[int] = Counter()
        for lane in list(self._hot.get(flow_id, ())):
            most = min(count - len(taken), FROM_FULL_LANE, room(lane))
            if most > 0:
                found = self._rows("flow = ? AND hot = ? ORDER BY seq LIMIT ?", flow_id, lane, most)
                for row in found:
                    if row.stored in _NOT_TO_TAKE:
                        break
                    taken.append(row)
                    given[lane] += 1
        hot = self._hot.setdefault(flow_id, Counter())
        aside: list[tuple[int, int]] = []
        after, met = -1, 0
        while len(taken) < count and met < SCANNED_AT_ONCE:
            found = self._rows("flow = ? AND hot = 0 AND seq > ? ORDER BY seq LIMIT ?", flow_id, after, 200)
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
        self._database.execute("BEGIN")
        self._database.executemany("UPDATE waiting SET hot = ? WHERE seq = ?", aside)
        self._drop(taken)
        self._database.execute("COMMIT")
        if not +hot:
            self._hot.pop(flow_id, None)
        return taken

    def take_movable(self, flow: FlowKey, count: int) -> list[Row]:
        """Take out up to `count` rows of a flow that another peer may take, in their order.

        What is on its way to the parking topic is waited for, and so is all behind it.
        """
        found = self._rows("flow = ? AND movable = 1 ORDER BY seq LIMIT ?", self._flow_id(flow), count)
        taken = list(takewhile(lambda row: row.stored not in _NOT_TO_TAKE, found))
        self.drop(taken)
        return taken

    def expired(self, now_ms: int, count: int) -> list[Row]:
        """Take out up to `count` rows that must not wait any longer."""
        found = self._rows("expires_ms <= ? AND stored IN (0, 2) ORDER BY expires_ms LIMIT ?", now_ms, count)
        self._database.execute("BEGIN")
        self._drop(found)
        self._database.execute("COMMIT")
        return found

    def store(self, rows: Iterable[Row], stored: Stored) -> None:
        """Note where rows are kept now."""
        self._database.execute("BEGIN")
        self._database.executemany("UPDATE waiting SET stored = ? WHERE seq = ?", [(stored, it.seq) for it in rows])
        self._database.execute("COMMIT")

    def passed(self, topic: str, partition: int, position: int, *, stays: bool) -> None:
        """Note that a commit has passed the records before `position`: what was on its way has arrived.

        Where it does not stay with us its rows are dropped.
        """
        where = "topic = ? AND part = ? AND place < ? AND stored = 1"
        values = (self._topic_id(topic), partition, position)
        if stays:
            self._database.execute(f"UPDATE waiting SET stored = 2 WHERE {where}", values)  # noqa: S608
        else:
            self._forget(where, *values)

    def find(self, topic: str, partition: int, offset: int) -> Row | None:
        """Return the row of a record, if it waits here."""
        where = "topic = ? AND part = ? AND place = ?"
        return next(iter(self._rows(where, self._topic_id(topic), partition, offset)), None)

    def drop(self, rows: Sequence[Row]) -> None:
        """Take rows out that were found."""
        self._database.execute("BEGIN")
        self._drop(rows)
        self._database.execute("COMMIT")

    def all_is_read(self) -> None:
        """Note that what is done of the parking topic is known: the rest may be taken."""
        self._database.execute("UPDATE waiting SET stored = 2 WHERE stored = 3")

    def forget(self, topic: str) -> None:
        """Drop what lies where it was read in a topic, or is on its way: its partitions go or come anew."""
        self._forget("topic = ? AND stored < 2", self._topic_id(topic))

    def forget_parked(self) -> None:
        """Drop what lies in the parking topic: its partitions go or come anew."""
        self._forget("stored >= 2")

    def _forget(self, where: str, *values: object) -> None:
        # The conditions are this class's own text; what they are compared with is bound.
        counted = self._database.execute(
            f"SELECT flow, hot, count(*) FROM waiting WHERE {where} GROUP BY flow, hot",  # noqa: S608
            values,
        ).fetchall()
        for flow_id, hot, count in counted:
            if hot and flow_id in self._hot:
                self._hot[flow_id][hot] -= count
            self._count(self._flow_keys[flow_id], -count)
        self._database.execute(f"DELETE FROM waiting WHERE {where}", values)  # noqa: S608

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _one(self, query: str, *values: object) -> tuple[int, ...] | None:
        row: tuple[int, ...] | None = self._database.execute(query, values).fetchone()
        return row

    def _rows(self, where: str, *values: object) -> list[Row]:
        # The conditions are this class's own text; what they are compared with is bound.
        found = self._database.execute(f"SELECT {_COLUMNS} FROM waiting WHERE {where}", values)  # noqa: S608
        return [
            Row(
                seq,
                self._flow_keys[flow],
                lane,
                InRecord(self._topics[topic], part, place, at_ms, key, value, _headers(headers)),
                expires_ms,
                Stored(stored),
            )
            for seq, flow, lane, stored, expires_ms, topic, part, place, at_ms, key, value, headers in found
        ]

    def _drop(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if hot_lanes := self._hot.get(self._flow_id(row.flow)):
                (hot,) = self._one("SELECT hot FROM waiting WHERE seq = ?", row.seq) or (0,)
                if hot:
                    hot_lanes[hot] -= 1
        self._database.executemany("DELETE FROM waiting WHERE seq = ?", [(row.seq,) for row in rows])
        for flow, count in Counter([row.flow for row in rows]).items():
            self._count(flow, -count)

    def _count(self, flow: FlowKey, change: int) -> None:
        self.counts[flow] += change
        self._peers[flow.peer] += change
        if not self.counts[flow]:
            del self.counts[flow]
            flow_id = self._flow_ids.pop(flow)
            self._hot.pop(flow_id, None)
            del self._flow_keys[flow_id]
        if not self._peers[flow.peer]:
            del self._peers[flow.peer]

    def _flow_id(self, flow: FlowKey) -> int:
        flow_id = self._flow_ids.get(flow)
        if flow_id is None:
            self._next_flow_id += 1
            flow_id = self._flow_ids[flow] = self._next_flow_id
            self._flow_keys[flow_id] = flow
        return flow_id

    def _topic_id(self, topic: str) -> int:
        topic_id = self._topic_ids.get(topic)
        if topic_id is None:
            topic_id = self._topic_ids[topic] = len(self._topic_ids)
            self._topics[topic_id] = topic
        return topic_id


def _headers(stored: bytes | None) -> tuple[Header, ...]:
    return () if stored is None else _decode(stored)
