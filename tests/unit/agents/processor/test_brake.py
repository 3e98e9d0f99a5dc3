"""Of a long row of records that cannot be read only where they lie is kept, and nobody else's records are held."""

import pytest

from agents.processor.brake import Brake
from pipeline.dead_letters.letter import dead_letter
from schemas.headers.causation import Causation
from schemas.headers.dead_letter import DeadLetterSource
from schemas.record import InRecord, OutRecord, UnreadableBatch
from schemas.topics import SEGMENTED, SUBMITTED
from tests.builders import uuid

TRUNK, OTHER = uuid(1), uuid(2)


def outputs_of(record: InRecord, kind: str) -> list[OutRecord]:
    """Return what a record of a kind causes: `good`, `bad`, `mixed` (an array), `decided` (refused for another reason),
    `nothing` (a repetition)."""
    caused = []
    if kind in ("good", "mixed"):
        caused.append(OutRecord(SEGMENTED, b"", b"", (Causation(record.partition, record.offset, 0, 0).header(),)))
    if kind in ("bad", "mixed", "decided"):
        reason = "idempotency-conflict" if kind == "decided" else "schema-violation"
        caused += [
            dead_letter(record, stage="submitted", reason=reason, detail="", element=element) for element in range(2)
        ]
    return caused


def run(brake: Brake, *kinds: str, key: str | None = TRUNK, partition: int = 0, offset: int = 0) -> list[str]:
    """Return for each record whether it comes `whole`, `held`, or with the place alone of those before it."""
    found = []
    for at, kind in enumerate(kinds, offset):
        record = InRecord(SUBMITTED, partition, at, 0, None if key is None else key.encode(), b"{" * 10, ())
        caused = outputs_of(record, kind)
        through = brake.let_through(record, caused)
        found.append("whole" if through == caused else "held" if not through else "place")
    return found


def brake_of(limit: int = 3) -> Brake:
    return Brake(limit, lambda name: name in (TRUNK, OTHER))


@pytest.mark.parametrize(
    ("kinds", "held"),
    [
        (["bad"] * 3, 0),
        (["bad"] * 5, 2),
        (["bad", "bad", "good", "bad", "bad"], 0),
        (["mixed"] * 5, 0),
        (["decided"] * 5, 0),
        (["bad", "bad", "nothing", "bad", "bad", "bad"], 0),
    ],
)
def test_the_row_decides(kinds: list[str], held: int) -> None:
    """An array counts as one record, and as a good one as soon as anything of it could be read."""
    assert run(brake_of(), *kinds) == ["whole"] * (len(kinds) - held) + ["held"] * held


def test_without_a_limit_nothing_is_held() -> None:
    """0 switches it off."""
    assert run(brake_of(0), *["bad"] * 500) == ["whole"] * 500


def test_what_is_held_is_one_letter_that_says_where_it_lies() -> None:
    """Records next to each other are one; it holds none of their bytes. After a good record they come whole again."""
    brake = brake_of()
    run(brake, *["bad"] * 10)
    (letter,) = brake.release()
    source = DeadLetterSource.from_headers(letter.headers)
    assert (source.topic, source.first_offset, source.offset, source.value_size) == (SUBMITTED, 3, 9, 70)
    assert (letter.value, source.element, source.reason) == (None, None, "schema-violation")
    assert brake.release() == []
    assert run(brake, "bad", offset=20) == ["held"]
    assert run(brake, "bad", offset=30) == ["place"]
    assert [DeadLetterSource.from_headers(it.headers).first_offset for it in brake.release()] == [30]
    assert run(brake, "good", "bad", offset=40) == ["whole", "whole"]


def test_a_batch_that_cannot_be_read_is_held_from_its_first_record_on() -> None:
    """It stands for all of them."""
    brake = brake_of(1)
    for at in (4, 9):
        batch = UnreadableBatch(b"x" * 7, first_offset=at - 4, reason="damaged-batch", detail="")
        record = InRecord(SUBMITTED, 0, at, 0, None, batch, ())
        brake.let_through(record, [dead_letter(record, stage="s", reason="", detail="")])
    (letter,) = brake.release()
    source = DeadLetterSource.from_headers(letter.headers)
    assert (source.first_offset, source.offset, source.value_size) == (5, 9, 7)


@pytest.mark.parametrize("kind", ["good", "bad", "mixed"])
def test_a_row_of_one_producer_holds_nobody_elses_records(kind: str) -> None:
    """Neither another trunk's nor those in another partition; and others' good records break no row."""
    brake = brake_of()
    assert run(brake, *["bad"] * 5)[3:] == ["held"] * 2
    assert run(brake, kind, key=OTHER, offset=5) == ["whole"]
    assert run(brake, kind, key=None, offset=6) == ["whole"]
    assert run(brake, kind, partition=1) == ["whole"]
    assert run(brake, "bad", offset=7) == ["place"]


def test_names_that_are_no_trunks_are_one_producer() -> None:
    """Whoever makes names up has as many as there are bits: they take no memory and no letter each."""
    brake = brake_of()
    found = [it for number in range(50) for it in run(brake, "bad", key=f"made-up-{number}", offset=number)]
    assert found == ["whole"] * 3 + ["held"] * 47
    assert run(brake, "bad", key="x" * 100_000, offset=50) == ["held"]
