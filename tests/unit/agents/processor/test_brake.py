"""A row of records that cannot be read stops the processor before the row, also when another life has begun it."""

import pytest

from agents.processor.brake import Brake
from pipeline.dead_letters.letter import dead_letter
from schemas.causation import Causation
from schemas.record import InRecord, OutRecord
from schemas.topics import SEGMENTED, SUBMITTED


def batch_of(*kinds: str, partition: int = 0, offset: int = 0) -> tuple[list[InRecord], list[OutRecord]]:
    """Return records of each kind: `good`, `bad`, `mixed` (an array), `decided` (refused for another reason)."""
    records, caused = [], []
    for at, kind in enumerate(kinds, offset):
        records.append(InRecord(SUBMITTED, partition, at, 0, b"", b"", ()))
        if kind in ("good", "mixed"):
            caused.append(OutRecord(SEGMENTED, b"", b"", (Causation(partition, at, 0, 0).header(),)))
        if kind != "good":
            reason = "idempotency-conflict" if kind == "decided" else "schema-violation"
            caused += [
                dead_letter(records[-1], stage="submitted", reason=reason, detail="", element=element)
                for element in range(3)
            ]
    return records, caused


@pytest.mark.parametrize(
    ("limit", "before", "batches", "expected"),
    [
        (3, 0, [["good", "bad", "bad", "bad", "good"]], (0, 1)),
        (3, 0, [["bad", "bad"], ["good", "bad", "bad"]], None),
        (3, 0, [["bad", "bad"], ["bad"]], (1, 0)),
        (3, 0, [["mixed"] * 5, ["decided"] * 5], None),
        (3, 2, [["bad", "good"]], (0, 0)),
        (3, 2, [["good", "bad", "bad"]], None),
        (0, 9, [["bad"] * 9], None),
    ],
    ids=["row", "broken row", "over batches", "good in part", "earlier life", "good one first", "off"],
)
async def test_the_row_decides(
    limit: int, before: int, batches: list[list[str]], expected: tuple[int, int] | None
) -> None:
    """The batch in which it stops, and how many of its records still go out; an array counts as one."""

    async def row_before(topic: str, partition: int, offset: int, most: int) -> int:
        assert (topic, partition, offset) == (SUBMITTED, 0, 0)
        return before

    brake, offset, found = Brake(limit, row_before), 0, None
    for number, kinds in enumerate(batches):
        stop = await brake.stop(*batch_of(*kinds, offset=offset))
        offset += len(kinds)
        if stop is not None:
            found = (number, stop.going_out)
            assert stop.error.code == "dead-letter-brake"
            break
    assert found == expected


async def test_partitions_count_for_themselves() -> None:
    """Two bad producers with two bad records each are no row of four."""

    async def none_before(*_: object) -> int:
        return 0

    brake = Brake(3, none_before)
    first, second = batch_of("bad", "bad"), batch_of("bad", "bad", partition=1)
    assert await brake.stop([*first[0], *second[0]], [*first[1], *second[1]]) is None
