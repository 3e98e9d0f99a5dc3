"""How rows lie on disk: one SQLite table, in which flows and topics are numbers.

`hot` is the lane of a row that was moved aside, because that lane was full, and 0 of all others. All else is a `Row`'s.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.disk import TemporaryDatabase
from pipeline.posting.row import FlowKey, Row, Stored
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
_INSERT: Final = "INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...]).decode


class WaitingTable(TemporaryDatabase):
    """Rows, by conditions on the columns: constant SQL, whose values are bound."""

    def __init__(self) -> None:
        super().__init__(_TABLES)
        self._next_flow_id = 0
        self._flow_ids: dict[FlowKey, int] = {}
        self._flow_keys: dict[int, FlowKey] = {}
        self._topic_ids: dict[str, int] = {}
        self._topics: dict[int, str] = {}

    def insert(self, rows: Sequence[Row]) -> list[Row]:
        """Keep rows; return those that are new: a record that is here already is not added."""
        before = self.total_changes
        self.execute("BEGIN")
        self.executemany(_INSERT, [self._values(row) for row in rows])
        self.execute("COMMIT")
        if self.total_changes - before == len(rows):
            return list(rows)
        return [row for row in rows if self.one("SELECT 1 FROM waiting WHERE seq = ?", row.seq) is not None]

    def _values(self, row: Row) -> tuple[object, ...]:
        record = row.record
        return (
            row.seq, self.flow_id(row.flow), row.lane, row.stored, row.expires_ms, row.movable,
            self.topic_id(record.topic), record.partition, record.offset, record.timestamp_ms, record.key,
            record.value, _encode(record.headers) if record.headers else None,
        )  # fmt: skip

    def select(self, where: str, *values: object) -> list[Row]:
        """Return the rows of which a condition holds; `movable` is not read."""
        found = self.execute(f"SELECT {_COLUMNS} FROM waiting WHERE {where}", values)  # noqa: S608  # a constant
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

    def one(self, query: str, *values: object) -> tuple[int, ...] | None:
        """Return the first that is found."""
        row: tuple[int, ...] | None = self.execute(query, values).fetchone()
        return row

    def flow_id(self, flow: FlowKey) -> int:
        """Return the number of a flow, which is its own until it is forgotten."""
        flow_id = self._flow_ids.get(flow)
        if flow_id is None:
            self._next_flow_id += 1
            flow_id = self._flow_ids[flow] = self._next_flow_id
            self._flow_keys[flow_id] = flow
        return flow_id

    def flow(self, flow_id: int) -> FlowKey:
        """Return the flow of a number."""
        return self._flow_keys[flow_id]

    def forget_flow(self, flow: FlowKey) -> None:
        """Forget the number of a flow that has no rows any more."""
        del self._flow_keys[self._flow_ids.pop(flow)]

    def topic_id(self, topic: str) -> int:
        """Return the number of a topic."""
        topic_id = self._topic_ids.get(topic)
        if topic_id is None:
            topic_id = self._topic_ids[topic] = len(self._topic_ids)
            self._topics[topic_id] = topic
        return topic_id


def _headers(stored: bytes | None) -> tuple[Header, ...]:
    return () if stored is None else _decode(stored)
