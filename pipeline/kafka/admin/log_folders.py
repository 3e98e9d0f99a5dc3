"""What lies on the brokers' disks, and how much room is left: DescribeLogDirs (KIP-113, and KIP-827 for the disks).

aiokafka 0.14 has no such request, so it is spelled out here as the protocol guide has it (API key 35, version 4).
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

_KEY: Final = 35
UNKNOWN: Final = -1
"""What a broker says of a disk whose size it does not know."""


class _Response(Response):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = _KEY
    API_VERSION = 4
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "results",
            CompactArray(
                ("error_code", Int16),
                ("log_dir", CompactString("utf-8")),
                (
                    "topics",
                    CompactArray(
                        ("name", CompactString("utf-8")),
                        (
                            "partitions",
                            CompactArray(
                                ("partition", Int32), ("size", Int64), ("offset_lag", Int64), ("is_future", Boolean),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("tags", TaggedFields),
                    ),
                ),
                ("total_bytes", Int64),
                ("usable_bytes", Int64),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )  # fmt: skip


class _Struct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = _KEY
    API_VERSION = 4
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")), ("partitions", CompactArray(Int32)), ("tags", TaggedFields)
            ),
        ),
        ("tags", TaggedFields),
    )  # fmt: skip


class DescribeLogFolders(Request[_Struct]):  # type: ignore[misc]
    """Asks a broker about partitions, by topic."""

    API_KEY = _KEY

    def __init__(self, partitions: Iterable[tuple[str, list[int]]]) -> None:
        self._partitions = list(partitions)

    def build(self, request_struct_class: type[_Struct]) -> _Struct:
        """Return the request as it is sent."""
        return request_struct_class([(topic, numbers, {}) for topic, numbers in self._partitions], {})


class LogFolder(NamedTuple):
    """A folder of a broker's log; sizes of its disk in bytes, `UNKNOWN` where the broker cannot tell."""

    path: str
    size: int
    free: int
    topics: Counter[str]
    """What of each topic lies in it, in bytes."""


def folders_of(answer: Response) -> list[LogFolder]:
    """Return what a broker has said. Raises the error that it has answered with (`KafkaError`)."""
    if answer.error_code:
        raise for_code(answer.error_code)
    found = []
    for error_code, path, topics, size, free, _ in answer.results:
        if error_code:
            raise for_code(error_code)
        held: Counter[str] = Counter()
        for name, partitions, _tags in topics:
            held[name] += sum(partition[1] for partition in partitions)
        found.append(LogFolder(path, size, free, held))
    return found
