"""A record that waits for its peer in a parking topic: its bytes as they were, and in headers where it was read.

The topic is compacted: the key names the record that was read, and a null value says that it is done.
"""

import json
from typing import Final, NamedTuple, Self

from schemas.record import Coordinates, Header, InRecord, OutRecord

PREFIX: Final = "parked-"
_PLACE: Final = "parked-place"
_KEY: Final = "parked-key"


class Parked(NamedTuple):
    """What is known of a record beside its bytes: for whom it waits, in which flow, and until when (Unix time).

    `by` names the process that has parked it.
    """

    record: InRecord
    peer: str
    flow: str
    account: str
    expires_ms: int
    by: str

    def to_record(self, topic: str) -> OutRecord:
        """Return the record of the parking topic, in the partition that it was read from."""
        record = self.record
        place = json.dumps([record.topic, record.partition, record.offset, record.timestamp_ms, *self[1:]])
        headers: list[Header] = [it for it in record.headers if not it[0].startswith(PREFIX)]
        headers.append((_PLACE, place.encode()))
        if record.key is not None:
            headers.append((_KEY, record.key))
        return OutRecord(topic, key_of(record.coordinates), record.value, tuple(headers), record.partition)

    @classmethod
    def from_record(cls, stored: InRecord) -> Self:
        """Read one back. Raises `ValueError` when the record is none of ours."""
        headers = dict(stored.headers)
        try:
            topic, partition, offset, at_ms, peer, flow, account, expires_ms, by = json.loads(headers[_PLACE])
            record = InRecord(
                str(topic), int(partition), int(offset), int(at_ms), headers.get(_KEY), stored.value,
                tuple(it for it in stored.headers if not it[0].startswith(PREFIX)),
            )  # fmt: skip
            return cls(record, str(peer), str(flow), str(account), int(expires_ms), str(by))
        except (KeyError, TypeError) as error:
            raise ValueError("no parked record") from error


def key_of(read: Coordinates) -> bytes:
    """Return the key of the record that was read at these coordinates."""
    return f"{read.topic}:{read.partition}:{read.offset}".encode()


def read_at(key: bytes | None) -> Coordinates | None:
    """Return where the record was read that a key of the parking topic names; None when it names none."""
    topic, _, place = (key or b"").decode(errors="replace").partition(":")
    partition, _, offset = place.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        return None
    return Coordinates(topic, int(partition), int(offset))


def settled(topic: str, read: Coordinates) -> OutRecord:
    """Return what says that the record that was read there is done."""
    return OutRecord(topic, key_of(read), None, (), read.partition)
