"""Keys go where Java's default partitioner sends them."""

from collections import Counter
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.producer import javas_partition_of, partition_of


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        # The values of Apache Kafka's own UtilsTest.testMurmur2.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_partitions_are_those_of_javas_default_partitioner(key: bytes, hashed: int) -> None:
    """`toPositive(murmur2(key)) % partitions`, so that direct producers in any language agree with us."""
    for partitions in (1, 3, 4, 12, 1024):
        assert javas_partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


@given(st.binary(max_size=64), st.integers(1, 1024))
def test_a_partition_exists(key: bytes, partitions: int) -> None:
    """Any key, the empty one too, goes to one of the partitions."""
    assert 0 <= javas_partition_of(key, partitions) < partitions


def test_trunks_spread_over_partitions() -> None:
    """UUIDs and phone numbers fill all partitions about evenly."""
    for keys in (
        [f"0192f1c4-6a5e-7b31-9d5c-{n:012x}".encode() for n in range(4000)],
        [str(12_125_550_000 + n).encode() for n in range(4000)],
    ):
        counts = Counter(javas_partition_of(key, 4) for key in keys)
        assert sorted(counts) == [0, 1, 2, 3]
        assert min(counts.values()) > 800


def test_the_public_topic_is_partitioned_as_its_other_producers_do() -> None:
    """A trunk's messages are in one partition whichever way they come; elsewhere equal keys share one too."""
    key = b"0192f1c4-6a5e-7b31-9d5c-000000000000"
    assert partition_of("sms.mt.submitted", key, 7) == javas_partition_of(key, 7)
    assert partition_of("sms.mt.status", key, 7) == crc32(key) % 7
