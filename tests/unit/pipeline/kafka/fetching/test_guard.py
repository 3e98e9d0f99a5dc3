"""The guard stands where aiokafka reads. What it replaces is no public surface: an upgrade that moves it fails here."""

import ast
import inspect
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import consumer as aiokafka_consumer
from aiokafka.consumer import fetcher

from pipeline.kafka.client import connection, reading
from pipeline.kafka.fetching.guard import MAX_TAKEN_BYTES, BoundedResult, guard_consumers
from pipeline.kafka.fetching.records import FetchedBytes, FetchedRecords
from pipeline.settings import KafkaSettings
from tests.batches import RawBatch, RawRecord

PLACE = TopicPartition("t", 0)
SOURCE = ast.parse(inspect.getsource(fetcher))
ORIGINAL = {it.name: it for it in SOURCE.body if isinstance(it, ast.ClassDef)}


def calls_of(name: str) -> list[ast.Call]:
    """Return where aiokafka's fetcher calls `name`."""
    calls = (it for it in ast.walk(SOURCE) if isinstance(it, ast.Call))
    return [it for it in calls if isinstance(it.func, ast.Name) and it.func.id == name]


def method(of: str, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    found = (it for it in ast.walk(ORIGINAL[of]) if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef))
    return next(it for it in found if it.name == name)


@pytest.mark.parametrize("edge", [connection, reading])
def test_whoever_is_given_a_connection_is_guarded(edge: Any) -> None:
    """There is no way to make a consumer of ours that reads as aiokafka does."""
    fetcher.PartitionRecords = fetcher.FetchResult = fetcher.MemoryRecords = None
    edge(KafkaSettings())
    assert (fetcher.MemoryRecords, fetcher.PartitionRecords, fetcher.FetchResult) == (
        FetchedBytes, FetchedRecords, BoundedResult,
    )  # fmt: skip


def test_aiokafka_calls_what_is_replaced_as_it_did() -> None:
    """One place makes each of the three, with these arguments, and nothing else of them is used."""
    assert aiokafka_consumer.Fetcher is fetcher.Fetcher
    (made,) = calls_of("MemoryRecords")
    assert [ast.unparse(it) for it in made.args] == ["part_data[-1]"]
    (made,) = calls_of("PartitionRecords")
    assert [ast.unparse(it) for it in made.args] == [
        "tp", "records", "aborted_transactions", "fetch_offset", "self._key_deserializer",
        "self._value_deserializer", "self._check_crcs", "self._isolation_level",
    ]  # fmt: skip
    assert not made.keywords
    (made,) = calls_of("FetchResult")
    assert [ast.unparse(it) for it in made.args] == ["tp"]
    assert [it.arg for it in made.keywords] == ["partition_records", "assignment", "backoff"]
    parameters = list(inspect.signature(FetchedRecords).parameters)
    assert parameters == [it.arg for it in method("PartitionRecords", "__init__").args.args[1:]]
    used = {
        it.attr
        for it in ast.walk(method("Fetcher", "_proc_fetch_request"))
        if isinstance(it, ast.Attribute) and isinstance(it.value, ast.Name) and it.value.id == "records"
    }
    assert used == {"has_next", "size_in_bytes"}
    used = {
        it.attr
        for it in ast.walk(ORIGINAL["FetchResult"])
        if isinstance(it, ast.Attribute) and ast.unparse(it.value) == "self._partition_records"
    }
    assert used == {"next_fetch_offset"}
    assert fetcher.READ_COMMITTED == 1


def test_aiokafka_still_hands_out_as_the_guard_does() -> None:
    """`getall` is written anew here: what it stands for must not have changed."""
    assert ast.unparse(method("FetchResult", "getall")) == ast.unparse(
        ast.parse(
            inspect.cleandoc("""
            def getall(self, max_records=None):
                tp = self._topic_partition
                if not self.check_assignment(tp) or not self.has_more():
                    return []
                ret_list = []
                for msg in self._partition_records:
                    ret_list.append(msg)
                    if max_records is not None and len(ret_list) >= max_records:
                        self._update_position()
                        break
                else:
                    self._update_position()
                    self._partition_records = None
                return ret_list
            """)
        )
    )


class Partition:
    """What aiokafka knows of a partition."""

    paused = False
    highwater = 1 << 40

    def __init__(self) -> None:
        self.position = 0

    def consumed_to(self, position: int) -> None:
        self.position = position


def result_of(data: bytes) -> tuple[BoundedResult, Partition]:
    guard_consumers()
    partition = Partition()
    assignment = SimpleNamespace(active=True, state_value=lambda _: partition)
    records = fetcher.PartitionRecords(PLACE, fetcher.MemoryRecords(data), None, 0, None, None, True, 0)
    made = fetcher.FetchResult(PLACE, partition_records=records, assignment=assignment, backoff=0.1)
    return cast("BoundedResult", made), partition


def test_what_one_call_hands_out_is_bounded_by_bytes_and_by_records() -> None:
    """A small batch can hold gigabytes: they come a few megabytes at a time, all of them, in order."""
    big = RawBatch([RawRecord(b"x" * 1_000_000)] * 15, 4)
    result, partition = result_of(big.encode() + RawBatch([RawRecord(b"y")] * 7, base_offset=15).encode())
    counts: list[int] = []
    found: list[Any] = []
    while result.has_more():
        taken = result.getall(3 if len(found) >= 15 else 500)
        counts.append(len(taken))
        found += taken
        assert partition.position == len(found)
    assert max(counts) * 1_000_000 <= MAX_TAKEN_BYTES + 1_000_000
    assert counts[3:] == [3, 3, 1]
    assert [it.offset for it in found] == list(range(22))


def test_headers_count_as_bytes() -> None:
    """A record with a million empty headers is large too."""
    result, _ = result_of(RawBatch([RawRecord(b"", headers=[(b"n", b"")] * 10_000)] * 20, 1).encode())
    assert 1 < len(result.getall(500)) < 5


async def test_a_consumer_of_ours_has_the_guarded_fetcher() -> None:
    """The constructor names no other; what it reads with is looked up when a fetch is answered."""
    consumer = AIOKafkaConsumer(**reading(KafkaSettings()))
    assert "Fetcher(" in inspect.getsource(type(consumer).start)
    await consumer.stop()
