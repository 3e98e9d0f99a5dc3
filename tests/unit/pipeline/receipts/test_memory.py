"""What is known of messages, on disk."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from pipeline.receipts.memory import Kept, Memory
from schemas.state.roll_up import RollUp
from tests.builders import CREATED, uuid


def known(number: int, minutes: int = 0, **changes: object) -> RollUp:
    return RollUp.model_validate(
        {"message_id": uuid(number), "due_at": CREATED + timedelta(minutes=minutes), **changes}
    )


@pytest.fixture
def memory() -> Iterator[Memory[RollUp]]:
    opened = Memory(RollUp)
    yield opened
    opened.close()


def test_the_latest_that_was_kept_counts(memory: Memory[RollUp]) -> None:
    """One row a message, over and over; None forgets it, and forgetting the unknown is nothing."""
    memory.keep([Kept(0, uuid(1).encode(), known(1)), Kept(1, uuid(2).encode(), known(2))])
    memory.keep([Kept(0, uuid(1).encode(), known(1, ended=(uuid(11),))), Kept(1, uuid(3).encode(), None)])
    assert memory.get(uuid(1).encode()) == known(1, ended=(uuid(11),))
    assert (memory.get(uuid(2).encode()), memory.get(uuid(3).encode()), len(memory)) == (known(2), None, 2)
    memory.keep([Kept(1, uuid(2).encode(), None), Kept(1, uuid(2).encode(), None)])
    assert (memory.get(uuid(2).encode()), len(memory)) == (None, 1)
    memory.forget_all()
    assert (memory.get(uuid(1).encode()), len(memory)) == (None, 0)


def test_what_is_due_comes_in_its_order_and_no_more_than_asked_for(memory: Memory[RollUp]) -> None:
    """With the partition that it belongs to; what was changed is due when it says now."""
    memory.keep([Kept(number % 4, uuid(number).encode(), known(number, number)) for number in range(10)])
    memory.keep([Kept(0, uuid(0).encode(), known(0, 60))])
    due = memory.due(CREATED + timedelta(minutes=5), 3)
    assert due == [Kept(number % 4, uuid(number).encode(), known(number, number)) for number in (1, 2, 3)]
    assert len(memory.due(CREATED + timedelta(minutes=5), 100)) == 5
    assert memory.due(CREATED, 100) == []
